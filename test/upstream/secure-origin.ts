/** An HTTP upstream behind TLS, which tells what it knows of each connection. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import type { Cleanup } from '../support/sluice.ts';
import type { Identity } from '../tls/certificates.ts';

export interface SecureOrigin {
  readonly port: number;
  /** Of all connections so far: the name that was asked for, empty without one. */
  readonly names: string[];
  /** And whether a session was resumed. */
  readonly resumed: boolean[];
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<TLSSocket>;
}

export async function startSecureOrigin(
  t: Cleanup,
  identity: Identity,
  options: TlsOptions = {},
  respond: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => {
    response.end('secured');
  },
): Promise<SecureOrigin> {
  const server = createServer({ cert: identity.certificate, key: identity.key, ...options }, respond);
  const names: string[] = [];
  const resumed: boolean[] = [];
  const sockets = new Set<TLSSocket>();
  server.on('secureConnection', (socket) => {
    names.push(socket.servername || '');
    resumed.push(socket.isSessionReused());
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return { port: (server.address() as AddressInfo).port, names, resumed, sockets };
}
