/** Clients that come again and again, each time by a new connection: `visitors.ts URL…`. When stdin ends, prints what they met. */
import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';

export interface Visits {
  readonly answered: number;
  readonly failures: readonly string[];
  /** Each once. */
  readonly bodies: readonly string[];
}

const CLIENTS_OF_EACH = 4;
const LONGEST_ANSWER_MS = 10_000;

let ended = false;
let answered = 0;
const failures: string[] = [];
const bodies = new Set<string>();

function visit(url: string): Promise<void> {
  const options = { agent: false, rejectUnauthorized: false, timeout: LONGEST_ANSWER_MS } as const;
  return new Promise((resolve) => {
    const fail = (reason: unknown): void => {
      failures.push(`${url}: ${reason}`);
      resolve();
    };
    const get = url.startsWith('https:') ? getSecure : getPlain;
    const request = get(url, options, (response) => {
      let body = '';
      response.on('data', (data) => {
        body += data;
      });
      response.on('error', fail).on('end', () => {
        answered++;
        bodies.add(body);
        resolve();
      });
    });
    request.on('timeout', () => request.destroy(new Error('timed out'))).on('error', fail);
  });
}

async function comeAgain(url: string): Promise<void> {
  while (!ended) await visit(url);
}

process.stdin.resume().on('end', () => {
  ended = true;
});
const urls = process.argv.slice(2).flatMap((url) => Array.from({ length: CLIENTS_OF_EACH }, () => url));
await Promise.all(urls.map(comeAgain));
const visits: Visits = { answered, failures, bodies: [...bodies] };
process.stdout.write(`${JSON.stringify(visits)}\n`);
