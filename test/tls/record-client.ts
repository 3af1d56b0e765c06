/**
 * A TLS client from the end of its handshake on, written from RFC 8446 and RFC 5246: what it sends may be anything.
 * Node's TLS shakes hands and tells the secrets; records are made and opened here.
 */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect } from 'node:tls';
import { eventually } from '../support/eventually.ts';
import type { Cleanup } from '../support/sluice.ts';

export const TYPE = { changeCipherSpec: 20, alert: 21, handshake: 22, data: 23 } as const;
const HEAD = 5;
const TAG = 16;
const EXPLICIT_NONCE = 8;
const NONCE = 12;
const RANDOM = 32;
/** Where a ServerHello's random lies in its record. */
const SERVER_RANDOM = HEAD + 4 + 2;

export type Version = 'TLSv1.2' | 'TLSv1.3';
export interface Suite {
  /** As node:crypto calls it. */
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
  readonly version: Version;
}
export const SUITES: readonly Suite[] = (['TLSv1.2', 'TLSv1.3'] as const).flatMap((version) =>
  (['aes-128-gcm', 'aes-256-gcm', 'chacha20-poly1305'] as const).map((cipher) => ({ version, cipher })),
);
const NAMES = {
  'aes-128-gcm': { 'TLSv1.2': 'ECDHE-ECDSA-AES128-GCM-SHA256', 'TLSv1.3': 'TLS_AES_128_GCM_SHA256' },
  'aes-256-gcm': { 'TLSv1.2': 'ECDHE-ECDSA-AES256-GCM-SHA384', 'TLSv1.3': 'TLS_AES_256_GCM_SHA384' },
  'chacha20-poly1305': {
    'TLSv1.2': 'ECDHE-ECDSA-CHACHA20-POLY1305',
    'TLSv1.3': 'TLS_CHACHA20_POLY1305_SHA256',
  },
} as const;

export interface Content {
  readonly type: number;
  readonly bytes: Buffer;
}

/** One direction's keys. */
class Keys {
  readonly #suite: Suite;
  #key: Buffer;
  #iv: Buffer;
  #secret: Buffer | undefined;
  sequence = 0n;

  constructor(suite: Suite, key: Buffer, iv: Buffer, secret?: Buffer) {
    this.#suite = suite;
    this.#key = key;
    this.#iv = iv;
    this.#secret = secret;
  }

  static ofSecret(suite: Suite, secret: Buffer): Keys {
    const size = keySize(suite);
    return new Keys(
      suite,
      expandLabel(suite, secret, 'key', size),
      expandLabel(suite, secret, 'iv', NONCE),
      secret,
    );
  }

  /** RFC 8446 section 7.2. */
  update(): void {
    const secret = this.#secret ?? Buffer.alloc(0);
    const next = Keys.ofSecret(this.#suite, expandLabel(this.#suite, secret, 'traffic upd', secret.length));
    this.#key = next.#key;
    this.#iv = next.#iv;
    this.#secret = next.#secret;
    this.sequence = 0n;
  }

  seal(type: number, content: Uint8Array, padding: number): Buffer {
    const tls13 = this.#suite.version === 'TLSv1.3';
    const inner = tls13 ? Buffer.concat([content, Buffer.of(type), Buffer.alloc(padding)]) : content;
    const explicit = hasExplicitNonce(this.#suite) ? counter(this.sequence) : Buffer.alloc(0);
    const head = recordHead(tls13 ? TYPE.data : type, explicit.length + inner.length + TAG);
    const cipher = createCipheriv(this.#suite.cipher as 'aes-128-gcm', this.#key, this.#nonce(explicit), {
      authTagLength: TAG,
    });
    cipher.setAAD(this.#associated(head, inner.length), { plaintextLength: inner.length });
    const sealed = Buffer.concat([cipher.update(inner), cipher.final()]);
    this.sequence++;
    return Buffer.concat([head, explicit, sealed, cipher.getAuthTag()]);
  }

  /** Null: it isn't genuine. */
  open(record: Buffer): Content | null {
    const explicit = record.subarray(HEAD, HEAD + (hasExplicitNonce(this.#suite) ? EXPLICIT_NONCE : 0));
    const sealed = record.subarray(HEAD + explicit.length, -TAG);
    const cipher = createDecipheriv(this.#suite.cipher as 'aes-128-gcm', this.#key, this.#nonce(explicit), {
      authTagLength: TAG,
    });
    cipher.setAAD(this.#associated(record.subarray(0, HEAD), sealed.length), {
      plaintextLength: sealed.length,
    });
    cipher.setAuthTag(record.subarray(-TAG));
    let inner = cipher.update(sealed);
    try {
      cipher.final();
    } catch {
      return null;
    }
    this.sequence++;
    if (this.#suite.version === 'TLSv1.2') return { type: record[0] ?? 0, bytes: inner };
    while (inner.at(-1) === 0) inner = inner.subarray(0, -1);
    return { type: inner.at(-1) ?? 0, bytes: inner.subarray(0, -1) };
  }

  #nonce(explicit: Uint8Array): Buffer {
    if (explicit.length) return Buffer.concat([this.#iv, explicit]);
    const nonce = Buffer.from(this.#iv);
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ this.sequence, 4);
    return nonce;
  }

  #associated(head: Buffer, size: number): Buffer {
    if (this.#suite.version === 'TLSv1.3') return head;
    const associated = Buffer.concat([counter(this.sequence), head]);
    associated.writeUInt16BE(size, 8 + 3);
    return associated;
  }
}

export class RecordClient {
  readonly suite: Suite;
  readonly socket: Socket;
  /** What has come since the handshake. */
  readonly received: Content[] = [];
  /** Explicit nonces of the server's records, its Finished's first. */
  readonly nonces: string[] = [];
  ended = false;
  #bytes: Buffer;
  readonly #own: Keys;
  readonly #peers: Keys;
  #inStep = false;

  private constructor(suite: Suite, socket: Socket, own: Keys, peers: Keys, received: Buffer) {
    this.suite = suite;
    this.socket = socket;
    this.#own = own;
    this.#peers = peers;
    this.#bytes = received;
    socket.on('data', (data: Buffer) => this.#take(data));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
    });
    this.#take(Buffer.alloc(0));
  }

  static async connect(
    t: Cleanup,
    port: number,
    suite: Suite,
    options: ConnectionOptions = {},
  ): Promise<RecordClient> {
    const socket = createConnection(port, '127.0.0.1');
    t.teardown(() => void socket.destroy());
    await once(socket, 'connect');
    let sent: Buffer = Buffer.alloc(0);
    let received: Buffer = Buffer.alloc(0);
    const through = new Duplex({
      read: () => undefined,
      write: (data: Buffer, _encoding, done) => {
        sent = Buffer.concat([sent, data]);
        socket.write(data, () => done());
      },
    });
    const pass = (data: Buffer): void => {
      received = Buffer.concat([received, data]);
      through.push(data);
    };
    socket.on('data', pass);
    const shaking = connect({
      socket: through,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      minVersion: suite.version,
      maxVersion: suite.version,
      ciphers: NAMES[suite.cipher][suite.version],
      ...options,
    });
    const secrets = new Map<string, Buffer>();
    let clientRandom: Buffer = Buffer.alloc(0);
    shaking.on('keylog', (line: Buffer) => {
      const [label = '', random = '', secret = ''] = line.toString('latin1').trim().split(' ');
      secrets.set(label, Buffer.from(secret, 'hex'));
      clientRandom = Buffer.from(random, 'hex');
    });
    await once(shaking, 'secureConnect');
    await eventually('Finished to be sent', () => {
      const last = splitRecords(sent).records.at(-1);
      return (last?.[0] === TYPE.data || suite.version === 'TLSv1.2') && last !== undefined;
    });
    socket.off('data', pass);
    const secret = (label: string): Buffer => secrets.get(label) ?? Buffer.alloc(0);
    if (suite.version === 'TLSv1.3') {
      const own = Keys.ofSecret(suite, secret('CLIENT_TRAFFIC_SECRET_0'));
      const peers = Keys.ofSecret(suite, secret('SERVER_TRAFFIC_SECRET_0'));
      return new RecordClient(suite, socket, own, peers, received);
    }
    const serverRandom = received.subarray(SERVER_RANDOM, SERVER_RANDOM + RANDOM);
    const { own, peers } = keyBlock(suite, secret('CLIENT_RANDOM'), clientRandom, serverRandom);
    own.sequence = 1n; // Finished was 0
    return new RecordClient(suite, socket, own, peers, received);
  }

  seal(type: number, content: Uint8Array | string, padding = 0): Buffer {
    return this.#own.seal(
      type,
      typeof content === 'string' ? Buffer.from(content, 'latin1') : content,
      padding,
    );
  }

  send(type: number, content: Uint8Array | string, padding = 0): void {
    this.socket.write(this.seal(type, content, padding));
  }

  /** Of all data that has come. */
  text(): string {
    const data = this.received.filter(({ type }) => type === TYPE.data).map(({ bytes }) => bytes);
    return Buffer.concat(data).toString('latin1');
  }

  /** `level description` of each. */
  alerts(): string[] {
    return this.received.filter(({ type }) => type === TYPE.alert).map(({ bytes }) => bytes.join(' '));
  }

  /** RFC 8446 section 4.6.3; what this client sends from then on has the next key. */
  updateKeys({ request = 0, pieces = 1 } = {}): void {
    const message = Buffer.of(24, 0, 0, 1, request);
    const size = Math.ceil(message.length / pieces);
    for (let at = 0; at < message.length; at += size) {
      this.send(TYPE.handshake, message.subarray(at, at + size));
    }
    this.#own.update();
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await eventually(what, condition);
  }

  // What the server has sent before its application keys came into use isn't for us.
  #take(data: Buffer): void {
    const { records, rest } = splitRecords(Buffer.concat([this.#bytes, data]));
    this.#bytes = rest;
    let changed = this.#inStep;
    for (const record of records) {
      if (record[0] === TYPE.changeCipherSpec && this.suite.version === 'TLSv1.2') {
        changed = true;
        continue;
      }
      if (this.suite.version === 'TLSv1.2' && !changed) continue;
      if (this.suite.version === 'TLSv1.3' && record[0] !== TYPE.data) continue;
      const opened = this.#peers.open(record);
      if (!opened) {
        if (this.#inStep) throw new Error('the server’s record isn’t genuine');
        continue;
      }
      this.#inStep = true;
      if (hasExplicitNonce(this.suite)) this.nonces.push(record.toString('hex', HEAD, HEAD + EXPLICIT_NONCE));
      this.received.push(opened);
      if (this.suite.version === 'TLSv1.3' && opened.type === TYPE.handshake && opened.bytes[0] === 24) {
        this.#peers.update();
      }
    }
  }
}

export function recordHead(type: number, length: number): Buffer {
  return Buffer.of(type, 3, 3, length >> 8, length & 255);
}

function splitRecords(bytes: Buffer): { readonly records: readonly Buffer[]; readonly rest: Buffer } {
  const records: Buffer[] = [];
  let rest = bytes;
  while (rest.length >= HEAD && rest.length >= HEAD + rest.readUInt16BE(3)) {
    const size = HEAD + rest.readUInt16BE(3);
    records.push(rest.subarray(0, size));
    rest = rest.subarray(size);
  }
  return { records, rest };
}

function keySize({ cipher }: Suite): number {
  return cipher === 'aes-128-gcm' ? 16 : 32;
}

function digestOf({ cipher }: Suite): string {
  return cipher === 'aes-256-gcm' ? 'sha384' : 'sha256';
}

/** RFC 5288 section 3; RFC 7905 has none. */
function hasExplicitNonce({ version, cipher }: Suite): boolean {
  return version === 'TLSv1.2' && cipher !== 'chacha20-poly1305';
}

function counter(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

function hmac(suite: Suite, key: Uint8Array, ...parts: Uint8Array[]): Buffer {
  return createHmac(digestOf(suite), key).update(Buffer.concat(parts)).digest();
}

/** HKDF-Expand-Label of one block (RFC 8446 section 7.1). */
function expandLabel(suite: Suite, secret: Buffer, label: string, size: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.of(0, size, name.length), name, Buffer.of(0, 1)]);
  return hmac(suite, secret, info).subarray(0, size);
}

/** RFC 5246 sections 5 and 6.3. */
function keyBlock(
  suite: Suite,
  master: Buffer,
  client: Buffer,
  server: Buffer,
): { readonly own: Keys; readonly peers: Keys } {
  const size = keySize(suite);
  const ivSize = hasExplicitNonce(suite) ? NONCE - EXPLICIT_NONCE : NONCE;
  const seed = Buffer.concat([Buffer.from('key expansion'), server, client]);
  let block = Buffer.alloc(0);
  for (let a = hmac(suite, master, seed); block.length < 2 * (size + ivSize); a = hmac(suite, master, a)) {
    block = Buffer.concat([block, hmac(suite, master, a, seed)]);
  }
  const part = (from: number, length: number): Buffer => block.subarray(from, from + length);
  return {
    own: new Keys(suite, part(0, size), part(2 * size, ivSize)),
    peers: new Keys(suite, part(size, size), part(2 * size + ivSize, ivSize)),
  };
}
