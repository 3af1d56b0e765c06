/** Sessions that all hosts share, for the data thread: the other side is native/proxy/shared_session_store.cc. */
import { Cluster, type Redis } from 'ioredis';
import type { Log } from '../proxy/cluster/error-log.ts';
import type { Replies } from '../proxy/upstream/questions.ts';
import { type ClusterKeySettings, ClusterKeys } from './cluster-keys.ts';
import { type RedisClient, RedisLink } from './redis-link.ts';
import { Seal } from './seal.ts';
import type { SessionStoreSettings } from './session-store-settings.ts';

/** For how long early data counts as seen; see early_data_window in native/tls/session_cache.cc. */
const EARLY_DATA_WINDOW_MS = 120_000;
const WRITE_TIMEOUT_MS = 1_000;
/** Sessions that wait for being written; what comes then is lost. */
const LONGEST_QUEUE = 1_000;

/** One byte each, as the data thread reads them. */
const SESSION = { found: 'f', missing: 'm', unreadable: 'u', failed: 'x', notAsked: '-' } as const;
const EARLY_DATA = { first: 'f', again: 'a', failed: 'x', notAsked: '-' } as const;

/** By their numbers in the Plan. */
export class SessionStores {
  readonly #replies: Replies;
  readonly #log: Log;
  readonly #stores = new Map<number, SessionStore>();

  constructor(replies: Replies, log: Log) {
    this.#replies = replies;
    this.#log = log;
  }

  ask(id: number, kind: string, payload: Buffer): void {
    const reader = new Reader(payload);
    const number = reader.byte();
    if (kind === 'session open') {
      const settings: SessionStoreSettings = JSON.parse(reader.rest().toString('latin1'));
      this.#stores.set(number, new SessionStore(number, settings, this.#replies, this.#log));
      return;
    }
    const store = this.#stores.get(number);
    if (kind === 'session tickets') store?.shareTicketKeys(reader.rest());
    else if (kind === 'session quic') store?.shareQuicKey(reader.rest());
    else if (kind === 'session find') void store?.find(id, reader);
    else if (kind === 'session keep') store?.keep(reader);
    else if (kind === 'session remove') store?.remove(reader);
  }
}

interface Write {
  readonly key: string;
  /** Absent: what is there goes. */
  readonly value?: Buffer;
  /** Seconds. */
  readonly lifetime: number;
}

class SessionStore {
  readonly #number: number;
  readonly #settings: SessionStoreSettings;
  readonly #replies: Replies;
  readonly #log: Log;
  readonly #seal: Seal;
  readonly #link: RedisLink;
  readonly #clusterKeys: ClusterKeys[] = [];
  #writes: Write[] = [];
  #writing = false;
  #readable = true;

  constructor(number: number, settings: SessionStoreSettings, replies: Replies, log: Log) {
    this.#number = number;
    this.#settings = settings;
    this.#replies = replies;
    this.#log = log;
    this.#seal = new Seal(settings.keys.map((key) => Buffer.from(key, 'base64')));
    this.#link = new RedisLink(settings, log, (state) => {
      this.#tell(state);
      if (state === 'up') for (const keys of this.#clusterKeys) keys.learn();
    });
  }

  /** `known`: from before. */
  shareTicketKeys(known: Buffer): void {
    const { ticketKeys } = this.#settings;
    if (!ticketKeys) return;
    this.#share('ticket keys', { ...ticketKeys, what: 'ticket key', place: `t${ticketKeys.rotate}` }, known);
  }

  /** It is never replaced: clients hold reset tokens that are made of it for as long as their connections live. */
  shareQuicKey(known: Buffer): void {
    this.#share('quic key', { what: 'quic key', place: 'q', rotate: Infinity, lifetime: 0 }, known);
  }

  #share(news: string, settings: ClusterKeySettings, known: Buffer): void {
    const publish = (ring: Buffer): void => this.#replies.tell(`${news} ${this.#number}`, ring);
    this.#clusterKeys.push(
      new ClusterKeys(settings, this.#settings.prefix, this.#link, this.#seal, known, publish),
    );
  }

  /** Id, digest of early data, server name; either of the former may be empty. */
  async find(question: number, reader: Reader): Promise<void> {
    const id = reader.block();
    const digest = reader.block();
    const serverName = reader.rest().toString('latin1');
    const [session, bytes] =
      id.length > 0 ? await this.#session(id, serverName) : [SESSION.notAsked, undefined];
    // Without its session early data is of no use, and is not to take room.
    const useful = digest.length > 0 && (session === SESSION.found || session === SESSION.notAsked);
    const earlyData = useful ? await this.#earlyData(digest) : EARLY_DATA.notAsked;
    this.#replies.answer(
      question,
      Buffer.concat([Buffer.from(session + earlyData, 'latin1'), bytes ?? Buffer.alloc(0)]),
    );
    bytes?.fill(0);
  }

  /** Lifetime, id, server name, session. */
  keep(reader: Reader): void {
    const lifetime = reader.number();
    const id = reader.block();
    const serverName = reader.block().toString('latin1');
    const value = this.#seal.close(reader.rest(), contextOf(id, serverName));
    this.#write({ key: this.#sessionKey(id), value, lifetime });
  }

  remove(reader: Reader): void {
    this.#write({ key: this.#sessionKey(reader.block()), lifetime: 0 });
  }

  async #session(id: Buffer, serverName: string): Promise<readonly [string, Buffer?]> {
    const { timeout } = this.#settings;
    let entry: Buffer | null;
    try {
      entry = await this.#link.run(timeout, (client) => client.getBuffer(this.#sessionKey(id)));
    } catch {
      return [SESSION.failed];
    }
    if (!entry) return [SESSION.missing];
    const session = this.#seal.open(entry, contextOf(id, serverName));
    this.#noteReadable(session !== undefined);
    return session ? [SESSION.found, session] : [SESSION.unreadable];
  }

  async #earlyData(digest: Buffer): Promise<string> {
    const key = `${this.#settings.prefix}e:${digest.toString('base64url')}`;
    try {
      const first = await this.#link.run(this.#settings.timeout, (client) =>
        client.set(key, '', 'PX', EARLY_DATA_WINDOW_MS, 'NX'),
      );
      return first === 'OK' ? EARLY_DATA.first : EARLY_DATA.again;
    } catch {
      return EARLY_DATA.failed;
    }
  }

  #noteReadable(readable: boolean): void {
    if (readable === this.#readable) return;
    this.#readable = readable;
    const store = `ssl_session_store "${this.#settings.name}"`;
    if (readable) this.#log.write('notice', `${store} has entries again that our keys open`);
    else this.#log.write('warn', `${store} has an entry that none of our keys opens`);
  }

  #write(write: Write): void {
    if (this.#writes.length >= LONGEST_QUEUE) this.#tell('lost 1');
    else this.#writes.push(write);
    if (!this.#writing) void this.#writeAll();
  }

  /** One batch after the other: what comes meanwhile is the next. */
  async #writeAll(): Promise<void> {
    this.#writing = true;
    await new Promise(setImmediate);
    while (this.#writes.length > 0) {
      const batch = this.#writes;
      this.#writes = [];
      const sessions = batch.filter(({ value }) => value).length;
      const lost = await this.#writeBatch(batch);
      if (sessions > lost) this.#tell(`kept ${sessions - lost}`);
      if (lost > 0) this.#tell(`lost ${lost}`);
    }
    this.#writing = false;
  }

  /** How many sessions were not taken. */
  async #writeBatch(batch: readonly Write[]): Promise<number> {
    let lost = batch.filter(({ value }) => value).length;
    const write = async (client: RedisClient): Promise<void> => {
      const failures = await (client instanceof Cluster
        ? writeEach(client, batch)
        : writePipelined(client, batch));
      lost = failures.filter((failure, i) => failure && batch[i]?.value).length;
      const first = failures.find((failure) => failure);
      if (first) throw first;
    };
    await this.#link.run(WRITE_TIMEOUT_MS, write).catch(() => undefined);
    return lost;
  }

  #sessionKey(id: Buffer): string {
    return `${this.#settings.prefix}s:${id.toString('base64url')}`;
  }

  #tell(news: string): void {
    this.#replies.tell(`session store ${this.#number}`, Buffer.from(news, 'latin1'));
  }
}

/** What went wrong with each write. */
type Failures = readonly (Error | null)[];

async function writePipelined(client: Redis, batch: readonly Write[]): Promise<Failures> {
  const pipeline = client.pipeline();
  for (const { key, value, lifetime } of batch) {
    if (value) pipeline.set(key, value, 'EX', lifetime);
    else pipeline.unlink(key);
  }
  return ((await pipeline.exec()) ?? []).map(([error]) => error);
}

/** Their keys lie on several nodes. */
async function writeEach(client: Cluster, batch: readonly Write[]): Promise<Failures> {
  const writes = batch.map(({ key, value, lifetime }) =>
    value ? client.set(key, value, 'EX', lifetime) : client.unlink(key),
  );
  const outcomes = await Promise.allSettled<unknown>(writes);
  return outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : null));
}

/** What a session is bound to. */
function contextOf(id: Buffer, serverName: string): string {
  return `session\0${serverName}\0${id.toString('latin1')}`;
}

/** Reads what the data thread has put together. */
class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    return this.#bytes[this.#at++] ?? 0;
  }

  number(): number {
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** Bytes behind their number, which is one byte. */
  block(): Buffer {
    return this.take(this.byte());
  }

  take(size: number): Buffer {
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}
