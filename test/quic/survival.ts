/** A site under load whose workers are replaced, and what must not be lost then. */
import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { commandLine, type Sluice } from '../support/sluice.ts';
import { digest, type Outcome } from './gtls-client.ts';
import { Http3Client } from './http3-client.ts';
import { type Quic, startQuic } from './serving.ts';
import { SlowOrigin } from './slow-origin.ts';

export const WORKERS = 2;
/** Requests on one connection of those who keep theirs. */
const VISIT = 20;
export const PATIENCE_MS = 30_000;
/** Of a whole file: many processes begin and end in it. */
export const LIMIT_MS = 300_000;

const body = randomBytes(250_000);

export interface Site extends Quic {
  /** Connections to this port are reserved while they are idle. */
  readonly idlePort: number;
  readonly origin: SlowOrigin;
}

export async function serve(t: Test, main: string): Promise<Site> {
  const origin = await SlowOrigin.start(t, body);
  const idlePort = await freePort();
  const quic = await startQuic(
    t,
    `server { LISTEN; location /small { return 200 small; }
location / { proxy_buffering off; proxy_pass http://127.0.0.1:${origin.port}; } }
server { listen 127.0.0.1:${idlePort} quic; keepalive_timeout 5m; keepalive_min_timeout 5m; return 200 idle; }`,
    {},
    { workers: WORKERS, main, daemon: true },
  );
  return { ...quic, idlePort, origin };
}

/** Small requests one after the other until stop(): on new connections, and on those that are kept. */
export class Load {
  readonly #running: Promise<unknown>;
  readonly #test: Test;
  #answered = 0;
  #lost: string[] = [];
  #ending = false;

  constructor(t: Test, site: Site) {
    this.#test = t;
    this.#running = Promise.all([this.#comeAnew(site), this.#stay(site)]);
  }

  async stop(): Promise<{ answered: number; lost: readonly string[] }> {
    this.#ending = true;
    await this.#running;
    return { answered: this.#answered, lost: this.#lost };
  }

  async #comeAnew({ get }: Site): Promise<void> {
    while (!this.#ending) {
      const { statuses, log } = await get('/small');
      if (statuses[0] === 200) this.#answered++;
      else this.#lost.push(log);
    }
  }

  async #stay({ port }: Site): Promise<void> {
    while (!this.#ending) {
      const client = await Http3Client.connect(this.#test, port);
      for (let i = 0; i < VISIT && !client.over; i++) {
        const fate = await client.get('/small');
        if (fate === 'lost') this.#lost.push('a request on a connection that was kept');
        else if (fate !== 'unprocessed') this.#answered++;
      }
      client.leave();
    }
  }
}

/** What is begun before workers are replaced, and has to be there afterwards. */
export class Witnesses {
  readonly #test: Test;
  readonly #site: Site;
  readonly #downloads: Promise<Outcome>[] = [];
  readonly #idle: Http3Client[] = [];

  constructor(t: Test, site: Site) {
    this.#test = t;
    this.#site = site;
  }

  /** A download and an idle connection more. */
  async begin(): Promise<void> {
    const { get, origin, idlePort } = this.#site;
    this.#downloads.push(get('/file.bin', { limit: LIMIT_MS, args: ['--timeout=2m'] }));
    this.#idle.push(await this.#connect(idlePort));
    await origin.begun(this.#downloads.length);
  }

  /** A worker that is about to go may have taken the connection, and says so. */
  async #connect(port: number): Promise<Http3Client> {
    for (;;) {
      const client = await Http3Client.connect(this.#test, port);
      await client.get('/');
      if (!client.over) return client;
      client.leave();
    }
  }

  /** All of them are alive; they go. */
  async check(): Promise<void> {
    this.#site.origin.finish();
    for (const { bodies } of await Promise.all(this.#downloads))
      this.#test.equal(digest(bodies.get('file.bin')), digest(body), 'whole');
    for (const client of this.#idle) {
      this.#test.strictSame(await client.get('/'), { status: 200 }, 'an idle connection');
      client.leave();
    }
  }
}

export function isServing(worker: number): boolean {
  return commandLine(worker) === 'nginx: worker process';
}

/** Resolves when a master's workers take no more connections. */
export async function shutDown(sluice: Sluice, signal: NodeJS.Signals, master: number): Promise<void> {
  const workers = sluice.workers(master);
  sluice.signal(signal, master);
  await eventually('its workers to shut down', () => !workers.some(isServing), PATIENCE_MS);
}

export async function nothingLost(t: Test, { sluice }: Site, load: Load): Promise<void> {
  const { answered, lost } = await load.stop();
  t.strictSame(lost, [], `of ${answered} small requests`);
  await eventually('the others to go', () => sluice.workers().length === WORKERS, PATIENCE_MS);
  t.strictSame(sluice.errorLog().match(/^.*\[(alert|emerg)\].*$/gm) ?? [], []);
}
