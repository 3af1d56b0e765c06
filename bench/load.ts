/** The two ends around a proxy: a client that asks as fast as it can, and an origin that answers from memory. */
import { once } from 'node:events';
import { CLIENT_CORE, ORIGIN_CORE, output, spawnPinned } from './processes.ts';
import { compiled, ORIGIN } from './programs.ts';

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  readonly newConnections?: boolean;
  /** Over TLS. */
  readonly secure?: boolean;
  /** By HTTP/2 over TLS, with so many streams at once on each connection. */
  readonly streams?: number;
}

/** Runs wrk and returns how many requests completed. An error is no fast answer: any of them fails the run. */
export async function completedRequests(url: string, load: Load): Promise<number> {
  if (load.streams !== undefined) return await completedStreams(url, load, load.streams);
  const report = await output(CLIENT_CORE, 'wrk', [
    '--threads=1',
    `--connections=${load.connections}`,
    `--duration=${load.seconds}s`,
    '--timeout=10s',
    ...(load.newConnections ? ['--header', 'Connection: close'] : []),
    url,
  ]);
  const errors = /^ *(Socket errors:|Non-2xx).*$/m.exec(report);
  if (errors) throw new Error(errors[0].trim());
  const completed = Number(/^ *(\d+) requests in /m.exec(report)?.[1]);
  if (!completed) throw new Error(`no request completed: ${report}`);
  return completed;
}

/** As much by h2load; the windows that it opens are no limit. */
async function completedStreams(url: string, load: Load, streams: number): Promise<number> {
  const report = await output(CLIENT_CORE, 'h2load', [
    '--threads=1',
    `--clients=${load.connections}`,
    `--max-concurrent-streams=${streams}`,
    `--duration=${load.seconds}`,
    '--window-bits=24',
    '--connection-window-bits=24',
    url,
  ]);
  const [, completed = '0', failed = '0'] = /(\d+) succeeded, (\d+) failed/.exec(report) ?? [];
  if (failed !== '0') throw new Error(`${failed} streams failed: ${report}`);
  if (completed === '0') throw new Error(`no request completed: ${report}`);
  return Number(completed);
}

/** Starts the origin and returns its port. */
export async function startOrigin(): Promise<number> {
  const origin = spawnPinned(ORIGIN_CORE, await compiled(ORIGIN), [], ['ignore', 'pipe', 'inherit']);
  const [port] = (await once(origin.stdout!, 'data')) as [Buffer];
  return Number(port);
}
