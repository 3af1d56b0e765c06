/** A Sluice that speaks HTTP/3, and a client for it. */
import { freePort } from '../support/free-port.ts';
import { type Cleanup, Sluice, type SluiceOptions } from '../support/sluice.ts';
import { type Identity, makeIdentity } from '../tls/certificates.ts';
import { type ClientOptions, GtlsClient, type Outcome } from './gtls-client.ts';

export interface Quic {
  readonly sluice: Sluice;
  readonly address: string;
  readonly port: number;
  readonly client: GtlsClient;
  readonly identity: Identity;
  get(paths: string | readonly string[], options?: ClientOptions): Promise<Outcome>;
  reconfigure(http: string): Promise<void>;
}

export interface QuicOptions extends Partial<SluiceOptions> {
  readonly address?: string;
  /** One that is free, unless said. */
  readonly port?: number;
}

/** `http` is the block's text; `LISTEN` in it becomes `listen ADDRESS quic`. `certificate` and `key` are files. */
export async function startQuic(
  t: Cleanup,
  http: string,
  files: Record<string, string | Uint8Array> = {},
  options: QuicOptions = {},
): Promise<Quic> {
  const { address = '127.0.0.1', port = await freePort(), ...others } = options;
  const identity = makeIdentity('localhost');
  const configuration = (text: string): string => `events {}
http { ssl_certificate certificate; ssl_certificate_key key; root .;
log_format told "$request $status $http3";
access_log access.log told;
${text.replaceAll('LISTEN', `listen ${address}:${port} quic`).replaceAll('PORT', String(port))} }`;
  const sluice = new Sluice({
    config: configuration(http),
    files: { certificate: identity.certificate, key: identity.key, ...files },
    ...others,
  });
  t.teardown(() => sluice.remove());
  await sluice.start();
  const client = new GtlsClient(t);
  return {
    sluice,
    address,
    port,
    client,
    identity,
    get: (paths, more) => client.get(port, typeof paths === 'string' ? [paths] : paths, more),
    reconfigure: (text) => sluice.reload(configuration(text)),
  };
}
