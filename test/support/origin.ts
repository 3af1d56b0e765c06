/** An upstream whose every byte the test decides. */
import { createServer, type Server, type Socket } from 'node:net';
import type { Cleanup } from './sluice.ts';

export interface OriginRequest {
  /** The request line and the header fields, without the empty line. */
  readonly head: string;
  /** What came with it; a body that follows comes by the socket's own events. */
  readonly rest: string;
  readonly socket: Socket;
  /** From 1, over all connections. */
  readonly number: number;
}

export class Origin {
  readonly server: Server;
  /** Heads of all requests so far. */
  readonly heads: string[] = [];
  connections = 0;

  constructor(respond: (request: OriginRequest) => void) {
    this.server = createServer((socket) => {
      this.connections++;
      let text = '';
      /** Of a body whose length is known: what looks like a head's end in there is none. */
      let bodyLeft = 0;
      socket.setEncoding('latin1').setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('data', (data: string) => {
        text += data.slice(bodyLeft);
        bodyLeft = Math.max(0, bodyLeft - data.length);
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = text.slice(0, end);
        const rest = text.slice(end + 4);
        text = '';
        const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
        bodyLeft = Math.max(0, length - rest.length);
        this.heads.push(head);
        respond({ head, rest, socket, number: this.heads.length });
      });
    });
  }

  get port(): number {
    const address = this.server.address();
    if (typeof address !== 'object' || !address) throw new Error('the origin does not listen');
    return address.port;
  }
}

/** Listens on a free port of 127.0.0.1, or on a unix socket; ends with the test. */
export async function startOrigin(
  t: Cleanup,
  respond: (request: OriginRequest) => void,
  path?: string,
): Promise<Origin> {
  const origin = new Origin(respond);
  const sockets = new Set<Socket>();
  origin.server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  t.teardown(
    () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        origin.server.close(() => resolve());
      }),
  );
  await new Promise<void>((resolve, reject) => {
    origin.server.once('error', reject);
    if (path === undefined) origin.server.listen(0, '127.0.0.1', resolve);
    else origin.server.listen(path, resolve);
  });
  return origin;
}

/** A complete response with a length. */
export function respondWith(
  body: string,
  headers: readonly string[] = [],
  status = '200 OK',
): (request: OriginRequest) => void {
  return ({ socket }) => {
    const head = [
      `HTTP/1.1 ${status}`,
      `Content-Length: ${Buffer.byteLength(body, 'latin1')}`,
      ...headers,
      '',
      '',
    ].join('\r\n');
    socket.write(head + body, 'latin1');
  };
}
