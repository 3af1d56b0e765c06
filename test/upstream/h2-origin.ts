/** Upstreams that speak HTTP/2: Node's, and one whose every frame the test decides. */
import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import type { Cleanup } from '../support/sluice.ts';
import type { Identity } from '../tls/certificates.ts';

export interface H2Origin {
  readonly port: number;
  /** All connections so far. */
  readonly sessions: ServerHttp2Session[];
}

export type Respond = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** With an identity over TLS, by ALPN; else in clear text, by prior knowledge. */
export async function startH2Origin(
  t: Cleanup,
  respond: Respond,
  options: ServerOptions = {},
  identity?: Identity,
): Promise<H2Origin> {
  const server: Http2Server = identity
    ? createSecureServer({ ...options, cert: identity.certificate, key: identity.key })
    : createServer(options);
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    respond(stream as ServerHttp2Stream, headers);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const session of sessions) session.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sessions };
}

export const TYPE = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
};
export const END_STREAM = 1;
export const END_HEADERS = 4;

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** HPACK (RFC 7541 section 6.2.2): literals without indexing, lengths below 2^14 + 127. */
export function fields(...pairs: [string, string][]): Buffer {
  const text = (value: string): Buffer => {
    const { length } = value;
    if (length < 127) return Buffer.concat([Buffer.from([length]), Buffer.from(value, 'latin1')]);
    const rest = length - 127;
    const size = rest < 128 ? [127, rest] : [127, (rest & 127) | 128, rest >> 7];
    return Buffer.concat([Buffer.from(size), Buffer.from(value, 'latin1')]);
  };
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

const PREFACE = 24;

/** Answers each HEADERS frame, once the client's preface has come and our SETTINGS are out. */
export async function startFrames(
  t: Cleanup,
  respond: (stream: number, socket: Socket) => void,
  settings: Buffer = Buffer.alloc(0),
): Promise<{ readonly port: number; connections(): number }> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    connections++;
    sockets.add(socket);
    let input: Buffer = Buffer.alloc(0);
    let greeted = false;
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (data: Buffer) => {
      input = Buffer.concat([input, data]);
      if (!greeted && input.length >= PREFACE) {
        greeted = true;
        input = input.subarray(PREFACE);
        socket.write(frame(TYPE.settings, 0, 0, settings));
      }
      while (greeted && input.length >= 9) {
        const size = 9 + input.readUIntBE(0, 3);
        if (input.length < size) break;
        const [type, flags, stream] = [input[3], input[4] ?? 0, input.readUInt32BE(5)];
        input = input.subarray(size);
        if (type === TYPE.settings && !(flags & 1)) socket.write(frame(TYPE.settings, 1, 0));
        if (type === TYPE.headers) respond(stream, socket);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, connections: () => connections };
}
