/** Connections that have had one response and stay open. */
import { connect, type Socket } from 'node:net';
import { connect as connectSecurely } from 'node:tls';

/** So many at once, so that what stays is the memory of idle connections, not of a crowd of requests. */
const AT_ONCE = 32;
const REQUEST = 'GET /100 HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Opens `count` idle connections, lets `use` open more, and closes them all in the end. */
export async function withIdleConnections<T>(
  port: number,
  secure: boolean,
  count: number,
  use: (open: (more: number) => Promise<void>) => Promise<T>,
): Promise<T> {
  const sockets: Socket[] = [];
  const open = async (more: number): Promise<void> => {
    const wanted = sockets.length + more;
    const openOneByOne = async (): Promise<void> => {
      while (sockets.length < wanted) {
        const socket = secure
          ? connectSecurely({ port, host: '127.0.0.1', rejectUnauthorized: false })
          : connect(port, '127.0.0.1');
        sockets.push(socket);
        await oneResponse(socket);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, openOneByOne));
  };
  try {
    await open(count);
    return await use(open);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

function oneResponse(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('a connection was closed that was to stay idle')));
    socket.once('data', (data: Buffer) => {
      if (data.includes(' 200 ')) resolve();
      else reject(new Error(`not 200: ${data.toString('latin1', 0, 80)}`));
    });
    socket.write(REQUEST);
  });
}
