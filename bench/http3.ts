/** HTTP/3 by a client of our own (bench/h3load): Debian's curl and h2load have none. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { CLIENT_CORE, output, spawnPinned, stop } from './processes.ts';
import { compiled, HTTP3_CLIENT } from './programs.ts';

export interface Http3Load {
  readonly connections: number;
  /** At once on each connection. */
  readonly streams?: number;
  readonly seconds: number;
  /** Of a body that is right. */
  readonly length: number;
  readonly newConnections?: boolean;
}

/** How many requests completed, each with the right answer. Any other fails the run. */
export async function completedHttp3Requests(url: string, load: Http3Load): Promise<number> {
  const report = await output(CLIENT_CORE, await compiled(HTTP3_CLIENT), [
    ...['--connections', String(load.connections), '--streams', String(load.streams ?? 1)],
    ...['--seconds', String(load.seconds), '--length', String(load.length)],
    ...(load.newConnections ? ['--requests-per-connection', '1'] : []),
    url,
  ]);
  return (JSON.parse(report) as { readonly requests: number }).requests;
}

/** As withIdleConnections(), over QUIC. */
export async function withIdleHttp3Connections<T>(
  url: string,
  count: number,
  use: (open: (more: number) => Promise<void>) => Promise<T>,
): Promise<T> {
  const client = spawnPinned(
    CLIENT_CORE,
    await compiled(HTTP3_CLIENT),
    ['--hold', url],
    ['pipe', 'pipe', 'inherit'],
  );
  const ended = once(client, 'close').then(() => Promise.reject(new Error('h3load ended')));
  ended.catch(() => undefined);
  const reports = createInterface(client.stdout!);
  const open = async (more: number): Promise<void> => {
    client.stdin!.write(`${more}\n`);
    const [report] = (await Promise.race([once(reports, 'line'), ended])) as [string];
    const { errors } = JSON.parse(report) as { readonly errors: Readonly<Record<string, number>> };
    if (Object.keys(errors).length) throw new Error(`connections failed: ${report}`);
  };
  try {
    await open(count);
    return await use(open);
  } finally {
    await stop(client);
  }
}
