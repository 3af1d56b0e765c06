/** A Sluice with one `http` block on a port of its own, and what clients ask of it. */
import { freePort } from '../support/free-port.ts';
import { RawClient } from '../support/raw-client.ts';
import { type Cleanup, Sluice } from '../support/sluice.ts';

export interface Serving {
  readonly sluice: Sluice;
  readonly port: number;
  /** The body of the answer to a GET. */
  body(target: string, ...fields: string[]): Promise<string>;
  /** Status line and fields in one text, then the body; `target` may be of any form. */
  answer(target: string, ...fields: string[]): Promise<string>;
}

/** Starts one for `http`'s text, in which `LISTEN` stands for the address. */
export async function serve(t: Cleanup, http: string, files: Record<string, string> = {}): Promise<Serving> {
  const port = await freePort();
  const text = http.replaceAll('LISTEN', `127.0.0.1:${port}`);
  const sluice = new Sluice({ config: `events {}\nhttp {\naccess_log off;\n${text}\n}`, files });
  t.teardown(() => sluice.remove());
  await sluice.start();
  const answer = async (target: string, ...fields: string[]): Promise<string> => {
    const host = fields.some((field) => field.startsWith('Host:')) ? [] : ['Host: localhost'];
    const client = new RawClient(port);
    client.send([`GET ${target} HTTP/1.1`, ...host, 'Connection: close', ...fields, '', ''].join('\r\n'));
    return await client.end();
  };
  const body = async (target: string, ...fields: string[]): Promise<string> => {
    const text = await answer(target, ...fields);
    return text.slice(text.indexOf('\r\n\r\n') + 4);
  };
  return { sluice, port, body, answer };
}
