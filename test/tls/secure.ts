/** A Sluice that speaks TLS, and clients for it. */
import { once } from 'node:events';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { freePort } from '../support/free-port.ts';
import { type Cleanup, Sluice, type SluiceOptions } from '../support/sluice.ts';
import { type Identity, makeIdentity } from './certificates.ts';

export interface Secure {
  readonly sluice: Sluice;
  readonly port: number;
  /** Of the default server. */
  readonly identity: Identity;
  /** A reload with another `http`. */
  reconfigure(http: string): Promise<void>;
  /** Resolves when the handshake is done. */
  connect(options?: ConnectionOptions): Promise<TLSSocket>;
  /** One GET on a connection of its own: head and body. */
  get(path: string, options?: ConnectionOptions & { readonly fields?: readonly string[] }): Promise<string>;
}

/** `http` is the block's text; `LISTEN` in it becomes `listen ADDRESS ssl`. `certificate` and `key` are files. */
export async function startSecure(
  t: Cleanup,
  http: string,
  files: Record<string, string | Uint8Array> = {},
  { connections = 512, ...options }: Partial<SluiceOptions> & { readonly connections?: number } = {},
): Promise<Secure> {
  const port = await freePort();
  const identity = makeIdentity('default');
  const configuration = (text: string): string => `events { worker_connections ${connections}; }
http { access_log off; ssl_certificate certificate; ssl_certificate_key key;
${text.replaceAll('LISTEN', `listen 127.0.0.1:${port} ssl`)} }`;
  const sluice = new Sluice({
    config: configuration(http),
    files: { certificate: identity.certificate, key: identity.key, ...files },
    ...options,
  });
  t.teardown(() => sluice.remove());
  await sluice.start();

  const connectTo = async (options: ConnectionOptions = {}): Promise<TLSSocket> => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
    t.teardown(() => void socket.destroy());
    await once(socket, 'secureConnect');
    return socket;
  };
  const get: Secure['get'] = async (path, { fields = [], ...options } = {}) => {
    const socket = await connectTo(options);
    const host = fields.some((field) => field.startsWith('Host:'))
      ? []
      : [`Host: ${options.servername ?? 'localhost'}`];
    socket.write([`GET ${path} HTTP/1.1`, ...host, 'Connection: close', ...fields, '', ''].join('\r\n'));
    return readToEnd(socket);
  };
  const reconfigure = (text: string): Promise<void> => sluice.reload(configuration(text));
  return { sluice, port, identity, connect: connectTo, get, reconfigure };
}

/** All that comes until the peer ends; a character a byte. */
export async function readToEnd(socket: TLSSocket): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) pieces.push(piece);
  return Buffer.concat(pieces).toString('latin1');
}

/** Resolves once as many bytes have come; leaves the rest unread. */
export async function read(socket: TLSSocket, until: (text: string) => boolean): Promise<string> {
  let text = '';
  for await (const [piece] of onData(socket)) {
    text += piece.toString('latin1');
    if (until(text)) return text;
  }
  return text;
}

async function* onData(socket: TLSSocket): AsyncGenerator<[Buffer]> {
  while (!socket.readableEnded) {
    const piece: Buffer | null = socket.read();
    if (piece) yield [piece];
    else await Promise.race([once(socket, 'readable'), once(socket, 'end')]);
  }
}
