/**
 * Raw TCP and UDP in user space, for any program: `import { Fstack } from 'sluice/fstack-binding'`. docs/fstack.md tells how,
 * docs/examples/fstack-echo.ts is a server.
 */
export type { SocketAddress, SocketTotals } from './addon.ts';
export { FstackError, type FstackErrorCode } from './error.ts';
export { type ConnectOptions, Fstack, type StartOptions } from './stack.ts';
export type { ConnectionOptions, TcpConnection } from './tcp-connection.ts';
export type { ListenOptions, TcpListener } from './tcp-listener.ts';
export type { BindOptions, UdpSocket } from './udp-socket.ts';
