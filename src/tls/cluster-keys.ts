import { randomBytes } from 'node:crypto';
import type { RedisLink } from './redis-link.ts';
import type { Seal } from './seal.ts';

const KEY_SIZE = 80;
/** A key begins with what tickets show as its name: its period, from when on it is used, and something random. */
const PERIOD_SIZE = 4;
const TIME_SIZE = 6;
const LONGEST_POLL_MS = 60_000;
const SHORTEST_POLL_MS = 200;
const TIMEOUT_MS = 1_000;
const MOST_KEYS = 30;

class ClusterKey {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  static make(period: number, usableFrom: number): ClusterKey {
    const bytes = randomBytes(KEY_SIZE);
    bytes.writeUInt32BE(period);
    bytes.writeUIntBE(Math.round(usableFrom), PERIOD_SIZE, TIME_SIZE);
    return new ClusterKey(bytes);
  }

  get period(): number {
    return this.bytes.readUInt32BE();
  }

  /** Milliseconds since 1970: by then every host has learned it. */
  get usableFrom(): number {
    return this.bytes.readUIntBE(PERIOD_SIZE, TIME_SIZE);
  }
}

export interface ClusterKeySettings {
  /** What an entry is bound to, so that none is taken for one of another kind. */
  readonly what: string;
  readonly place: string;
  /** Seconds from one key to the next; Infinity: there is one key, for good. */
  readonly rotate: number;
  /** Seconds for which what it has sealed is to be opened after its last use. */
  readonly lifetime: number;
}

/**
 * Keys that all hosts share. Time is divided into periods of one rotation each, and each period's key lies in the store
 * under the period's number: whoever writes it first has made it (SET NX), well before it is used, and all learn it.
 * What is known outlives the store, and is put back when the store has lost it.
 */
export class ClusterKeys {
  readonly #what: string;
  readonly #rotate: number;
  readonly #lifetime: number;
  readonly #poll: number;
  readonly #prefix: string;
  readonly #link: RedisLink;
  readonly #seal: Seal;
  readonly #publish: (ring: Buffer) => void;
  readonly #known = new Map<number, ClusterKey>();
  #published = Buffer.alloc(0);
  #learning: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * Those of one kind have the same place: what comes first in their names, behind `prefix`. `publish` gets 80 bytes
   * a key, the first of which seals; `known` is what an earlier process got last.
   */
  constructor(
    { what, place, rotate, lifetime }: ClusterKeySettings,
    prefix: string,
    link: RedisLink,
    seal: Seal,
    known: Buffer,
    publish: (ring: Buffer) => void,
  ) {
    this.#what = what;
    this.#rotate = rotate * 1000;
    this.#lifetime = lifetime * 1000;
    this.#poll = Math.min(LONGEST_POLL_MS, Math.max(SHORTEST_POLL_MS, this.#rotate / 16));
    // in a cluster all of them lie on one node
    this.#prefix = `${prefix}{${place}}:`;
    this.#link = link;
    this.#seal = seal;
    this.#publish = publish;
    for (let at = 0; at + KEY_SIZE <= known.length; at += KEY_SIZE) {
      const key = new ClusterKey(Buffer.from(known.subarray(at, at + KEY_SIZE)));
      this.#known.set(key.period, key);
    }
    this.learn();
  }

  /** Looks what the store has; and from then on again and again. */
  learn(): void {
    clearTimeout(this.#timer);
    this.#learning ??= this.#learn()
      .catch(() => undefined)
      .then(() => {
        this.#learning = undefined;
        this.#show();
        this.#timer = setTimeout(() => this.learn(), this.#poll).unref();
      });
  }

  async #learn(): Promise<void> {
    if (this.#link.state === 'down') return;
    const now = Date.now();
    const current = Math.floor(now / this.#rotate);
    const oldest = current - Math.min(MOST_KEYS, Math.ceil(this.#lifetime / this.#rotate)) - 1;
    const periods = Array.from({ length: current + 2 - oldest }, (_, i) => oldest + i);
    await this.#read(periods);
    const lead = now + 3 * this.#poll;
    // the very first key has nobody to wait for
    if (!this.#known.has(current)) await this.#make(current, this.#known.size === 0 ? now : lead);
    if (now > (current + 0.5) * this.#rotate && !this.#known.has(current + 1)) {
      await this.#make(current + 1, Math.max(lead, (current + 1) * this.#rotate));
    }
    for (const period of this.#known.keys()) {
      if (period < oldest && this.#known.size > 1) this.#known.delete(period);
    }
  }

  /** What the store has; what it has lost is put back. */
  async #read(periods: readonly number[]): Promise<void> {
    const names = periods.map((period) => this.#name(period));
    const entries = await this.#link.run(TIMEOUT_MS, (client) => client.mgetBuffer(names));
    for (const [i, period] of periods.entries()) {
      const entry = entries[i];
      const opened = entry && this.#seal.open(entry, this.#context(period));
      if (opened?.length === KEY_SIZE) {
        this.#known.set(period, new ClusterKey(opened));
      } else if (!entry) {
        const known = this.#known.get(period);
        if (known) await this.#write(known);
      }
    }
  }

  async #make(period: number, usableFrom: number): Promise<void> {
    const key = ClusterKey.make(period, usableFrom);
    if (await this.#write(key)) this.#known.set(period, key);
    else await this.#read([period]);
  }

  /** False when somebody else was first. */
  async #write({ bytes, period }: ClusterKey): Promise<boolean> {
    const entry = this.#seal.close(bytes, this.#context(period));
    const until = (period + 2) * this.#rotate + this.#lifetime;
    const lifetime = Math.max(this.#rotate, Math.ceil(until - Date.now()));
    const name = this.#name(period);
    const written = await this.#link.run(TIMEOUT_MS, (client) =>
      Number.isFinite(lifetime)
        ? client.set(name, entry, 'PX', lifetime, 'NX')
        : client.set(name, entry, 'NX'),
    );
    return written === 'OK';
  }

  /** The latest key that all know seals; the others only open. */
  #show(): void {
    const now = Date.now();
    const latestFirst = [...this.#known].sort(([a], [b]) => b - a).map(([, key]) => key);
    const seals = latestFirst.find(({ usableFrom }) => usableFrom <= now) ?? latestFirst.at(-1);
    if (!seals) return;
    const ring = Buffer.concat(
      [seals, ...latestFirst.filter((key) => key !== seals)].map(({ bytes }) => bytes),
    );
    if (ring.equals(this.#published)) return;
    this.#published = ring;
    this.#publish(ring);
  }

  #name(period: number): string {
    return `${this.#prefix}${period}`;
  }

  #context(period: number): string {
    return `${this.#what}\0${this.#name(period)}`;
  }
}
