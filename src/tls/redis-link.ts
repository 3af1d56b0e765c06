import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Log } from '../proxy/cluster/error-log.ts';
import { type Clock, RetryPauses, systemClock } from './retry-pauses.ts';
import type { SessionStoreSettings } from './session-store-settings.ts';

/** `full`: it answers, and takes nothing new. */
export type LinkState = 'up' | 'full' | 'down';
export type RedisClient = Redis | Cluster;

const CONNECT_TIMEOUT_MS = 1_000;
const PROBE_LIFETIME_MS = 1;

/** What a command of one that was given up ends with. */
class LinkError extends Error {}

/**
 * A connection to Redis that is left alone after any failure: for a second, then 2, 4 … 30. It says in the log when
 * that begins and when it ends, and no more.
 */
export class RedisLink {
  readonly #settings: SessionStoreSettings;
  readonly #log: Log;
  readonly #onState: (state: LinkState) => void;
  #client: RedisClient | undefined;
  #state: LinkState = 'down';
  #told: LinkState = 'up';
  readonly #pauses: RetryPauses;

  constructor(
    settings: SessionStoreSettings,
    log: Log,
    onState: (state: LinkState) => void,
    clock: Clock = systemClock,
  ) {
    this.#pauses = new RetryPauses(clock);
    this.#settings = settings;
    this.#log = log;
    this.#onState = onState;
    void this.#connect();
  }

  get state(): LinkState {
    return this.#state;
  }

  /**
   * Runs commands, and rejects when they take longer than `milliseconds`. Whatever goes wrong is the end of the
   * connection, but for what an entry is to blame for, and for a store that is full.
   */
  async run<T>(milliseconds: number, commands: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = this.#client;
    if (!client || this.#state === 'down') throw new LinkError('the store is left alone');
    try {
      return await within(milliseconds, commands(client));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (/^(OOM|MISCONF) /.test(reason)) this.#fill(reason);
      else if (!reason.startsWith('WRONGTYPE ') && client === this.#client) this.#fail(reason);
      throw error;
    }
  }

  async #connect(): Promise<void> {
    const client = makeClient(this.#settings);
    this.#client = client;
    let reason = '';
    // the first error says why; what follows is that the connection has ended
    client.on('error', (error: Error) => {
      reason ||= error.message;
    });
    client.on('end', () => {
      if (client === this.#client) this.#fail(reason || 'the connection was closed');
    });
    try {
      await within(CONNECT_TIMEOUT_MS, client.connect());
      await within(Math.max(this.#settings.timeout, CONNECT_TIMEOUT_MS), client.ping());
      if (client === this.#client) this.#enter('up');
    } catch (error) {
      if (client === this.#client)
        this.#fail(reason || (error instanceof Error ? error.message : String(error)));
    }
  }

  #fail(reason: string): void {
    this.#client?.disconnect();
    this.#client = undefined;
    this.#pauses.begin(() => void this.#connect());
    this.#enter('down', reason);
  }

  #fill(reason: string): void {
    if (this.#state !== 'up') return;
    this.#pauses.begin(() => void this.#probe());
    this.#enter('full', reason);
  }

  async #probe(): Promise<void> {
    const key = `${this.#settings.prefix}probe`;
    try {
      await this.run(CONNECT_TIMEOUT_MS, (client) => client.set(key, '', 'PX', PROBE_LIFETIME_MS));
      if (this.#state === 'full') this.#enter('up');
    } catch {
      if (this.#state === 'full') this.#pauses.begin(() => void this.#probe());
    }
  }

  #enter(state: LinkState, reason = ''): void {
    if (state === 'up') this.#pauses.end();
    this.#state = state;
    this.#report(state, reason);
    this.#onState(state);
  }

  #report(state: LinkState, reason: string): void {
    if (state === this.#told) return;
    this.#told = state;
    const store = `ssl_session_store "${this.#settings.name}"`;
    if (state === 'up') this.#log.write('notice', `${store} works again`);
    else if (state === 'full') this.#log.write('warn', `${store} takes no new sessions: ${reason}`);
    else this.#log.write('error', `${store} is left alone, sessions are this host's only: ${reason}`);
  }
}

/** The answer may have come while this thread was busy: it is looked for before time is called. */
function within<T>(milliseconds: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => setImmediate(() => reject(new LinkError(`no answer within ${milliseconds} ms`))),
      milliseconds,
    );
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function makeClient(settings: SessionStoreSettings): RedisClient {
  const { kind, nodes, username, password, tls, db, master } = settings;
  // who reconnects, and when, is decided here and not there
  const options = {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    disableClientInfo: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: null,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: tls.ca === undefined ? {} : { ca: tls.ca } }),
  } satisfies RedisOptions;
  switch (kind) {
    case 'single':
      return new Redis({ ...options, ...nodes[0], db });
    case 'sentinel':
      return new Redis({
        ...options,
        sentinels: nodes.map((node) => ({ ...node })),
        name: master ?? '',
        sentinelRetryStrategy: () => null,
        enableTLSForSentinelMode: tls !== undefined,
        ...(tls && { sentinelTLS: tls.ca === undefined ? {} : { ca: tls.ca } }),
        db,
      });
    case 'cluster':
      return new Cluster(
        nodes.map((node) => ({ ...node })),
        {
          lazyConnect: true,
          enableOfflineQueue: false,
          clusterRetryStrategy: () => null,
          slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
          redisOptions: options,
        },
      );
  }
}
