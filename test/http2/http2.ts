/** A Sluice that speaks HTTP/2, and Node's client for it. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientSessionOptions,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2';
import { freePort } from '../support/free-port.ts';
import { type Cleanup, Sluice } from '../support/sluice.ts';
import { makeIdentity } from '../tls/certificates.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly trailers: IncomingHttpHeaders;
}

export interface Http2 {
  readonly sluice: Sluice;
  /** In the clear. */
  readonly port: number;
  readonly securePort: number;
  /** A connection of its own, in the clear. */
  connect(options?: ClientSessionOptions): ClientHttp2Session;
  /** …and by TLS. */
  connectSecurely(options?: SecureClientSessionOptions): ClientHttp2Session;
}

/** `server` is the inside of the one server; it has `http2 on`. */
export async function startHttp2(
  t: Cleanup,
  server: string,
  { http = '', files = {} }: { readonly http?: string; readonly files?: Record<string, string> } = {},
): Promise<Http2> {
  const port = await freePort();
  const securePort = await freePort();
  const identity = makeIdentity('default');
  const sluice = new Sluice({
    config: `events {}
http {
  log_format test '$status $server_protocol "$request" $body_bytes_sent $bytes_sent $request_completion';
  access_log access.log test;
  ssl_certificate certificate; ssl_certificate_key key;
  http2 on;
  ${http}
  server { listen 127.0.0.1:${port}; listen 127.0.0.1:${securePort} ssl; ${server} }
}`,
    files: { certificate: identity.certificate, key: identity.key, ...files },
  });
  t.teardown(() => sluice.remove());
  await sluice.start();
  const watch = (session: ClientHttp2Session): ClientHttp2Session => {
    session.on('error', () => undefined);
    t.teardown(() => session.destroy());
    return session;
  };
  return {
    sluice,
    port,
    securePort,
    connect: (options) => watch(connect(`http://127.0.0.1:${port}`, options)),
    connectSecurely: (options) =>
      watch(connect(`https://127.0.0.1:${securePort}`, { rejectUnauthorized: false, ...options })),
  };
}

/** One request; rejects if the stream is reset. */
export async function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Answer> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  let trailers: IncomingHttpHeaders = {};
  stream.on('trailers', (fields) => {
    trailers = fields;
  });
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  const [[received]] = await Promise.all([once(stream, 'response'), once(stream, 'end')]);
  return {
    status: received[':status'],
    headers: received,
    body: Buffer.concat(pieces).toString('latin1'),
    trailers,
  };
}
