/** A Sluice with WebTransport handlers, and pages of Chromium that open sessions. */
import { createHash, X509Certificate } from 'node:crypto';
import { Chromium, type Page } from '../support/chromium.ts';
import { freePort } from '../support/free-port.ts';
import { type Cleanup, Sluice, type SluiceOptions } from '../support/sluice.ts';
import { makeIdentity } from '../tls/certificates.ts';

/** The longest that a browser accepts by a certificate's hash. */
const DAYS = 13;

export interface Serving {
  readonly sluice: Sluice;
  readonly port: number;
  /** Where the same locations are served over HTTP/2. */
  readonly http2Port: number;
  /** Of the server's certificate. */
  readonly hash: Buffer;
  /** A page in which `connect(path)` opens a session, and `all(readable)` reads a stream to its end. */
  page(): Promise<Page>;
}

/** Of each handler its location, `/NAME`, and its text. */
export async function startServing(
  t: Cleanup,
  handlers: Readonly<Record<string, string>>,
  { http = '', server = '', ...options }: Partial<SluiceOptions> & { http?: string; server?: string } = {},
): Promise<Serving> {
  const port = await freePort();
  const http2Port = await freePort();
  const { certificate, key } = makeIdentity('localhost', { days: DAYS });
  const names = Object.keys(handlers);
  const files = Object.fromEntries(names.map((name) => [`${name}.mjs`, handlers[name] ?? '']));
  const locations = names.map((name) => `location /${name} { webtransport_handler ${name}.mjs; }`);
  const sluice = new Sluice({
    config: `events {}
http { ssl_certificate certificate; ssl_certificate_key key;
  log_format told "$uri $status $body_bytes_sent $http_origin";
  access_log access.log told;
  ${http}
  server { listen 127.0.0.1:${port} quic; listen 127.0.0.1:${http2Port} ssl; http2 on; ${server}
    location = /page { return 200; }
    ${locations.join('\n')} }
  # A browser opens connections that it may never use, and a worker waits for those.
  server { listen 127.0.0.1:${port}; client_header_timeout 1s;
    default_type text/html; return 200 "<title>a page</title>"; } }`,
    files: { certificate, key, ...files },
    ...options,
  });
  t.teardown(() => sluice.remove());
  await sluice.start();
  let browser: Promise<Chromium> | undefined;
  const hash = createHash('sha256').update(new X509Certificate(certificate).raw).digest();
  return {
    sluice,
    port,
    http2Port,
    hash,
    async page() {
      browser ??= Chromium.start(t);
      const page = await (await browser).page();
      await page.open(`http://127.0.0.1:${port}/`);
      await page.evaluate(`
        globalThis.connect = async (path) => {
          const session = new WebTransport('https://127.0.0.1:${port}' + path, {
            serverCertificateHashes: [{ algorithm: 'sha-256', value: new Uint8Array(${JSON.stringify([...hash])}) }],
          });
          session.closed.catch(() => undefined);
          await session.ready;
          return session;
        };
        globalThis.all = async (readable) => {
          const pieces = [];
          for (const reader = readable.getReader(); ; ) {
            const { value, done } = await reader.read();
            if (done) break;
            pieces.push(value);
          }
          return new Uint8Array(await new Blob(pieces).arrayBuffer());
        };
        globalThis.send = async (writable, bytes) => {
          const writer = writable.getWriter();
          await writer.write(typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes);
          await writer.close();
        };
        globalThis.text = async (readable) => new TextDecoder().decode(await all(readable));
        undefined`);
      return page;
    },
  };
}

/** Runs in a page; its value comes back as JSON. */
export function script(body: string): string {
  return `(async () => { ${body} })()`;
}
