/** TLS 1.3's client, just as much as a handshake in QUIC takes; it believes whatever certificate comes. */
import {
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { expandLabel, hmac } from './protection.ts';
import { varint } from './varint.ts';

const HASH_SIZE = 32;
const NOTHING = Buffer.alloc(HASH_SIZE);
const X25519_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const Message = { clientHello: 1, serverHello: 2, finished: 20 } as const;

/** Transport parameters by number (RFC 9000, 18.2). */
export type TransportParameters = ReadonlyMap<number, number | Uint8Array>;

function prefixed(size: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(size);
  length.writeUIntBE(body.length, 0, size);
  return Buffer.concat([length, body]);
}

function u16(...values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));
}

function extension(type: number, ...body: readonly Uint8Array[]): Buffer {
  return Buffer.concat([u16(type), prefixed(2, ...body)]);
}

function encodeParameters(parameters: TransportParameters): Buffer {
  const parts = [...parameters].map(([id, value]) => {
    const bytes = typeof value === 'number' ? varint(value) : value;
    return Buffer.concat([varint(id), varint(bytes.length), bytes]);
  });
  return Buffer.concat(parts);
}

export interface Secrets {
  readonly client: Buffer;
  readonly server: Buffer;
}

export class ClientTls {
  readonly hello: Buffer;
  readonly #private: KeyObject;
  #transcript: Buffer;
  #secret = hmac(NOTHING, NOTHING);
  #handshake: Secrets | undefined;
  #unread = Buffer.alloc(0);
  /** Once there. */
  application: Secrets | undefined;
  finished: Buffer | undefined;

  constructor(name: string, protocol: string, parameters: TransportParameters) {
    const { privateKey, publicKey } = generateKeyPairSync('x25519');
    this.#private = privateKey;
    const share = publicKey.export({ format: 'der', type: 'spki' }).subarray(X25519_PREFIX.length);
    const extensions = [
      extension(0, prefixed(2, Buffer.from([0]), prefixed(2, Buffer.from(name)))),
      extension(10, prefixed(2, u16(0x001d))),
      extension(13, prefixed(2, u16(0x0403, 0x0804))),
      extension(16, prefixed(2, prefixed(1, Buffer.from(protocol)))),
      extension(43, prefixed(1, u16(0x0304))),
      extension(51, prefixed(2, u16(0x001d), prefixed(2, share))),
      extension(0x39, encodeParameters(parameters)),
    ];
    const body = [
      u16(0x0303),
      randomBytes(32),
      prefixed(1),
      prefixed(2, u16(0x1301)),
      prefixed(1, Buffer.from([0])),
      prefixed(2, ...extensions),
    ];
    this.hello = Buffer.concat([Buffer.from([Message.clientHello]), prefixed(3, ...body)]);
    this.#transcript = this.hello;
  }

  /** The server's first message is whole: what protects the handshake. */
  onServerHello(bytes: Buffer): Secrets | undefined {
    if (this.#handshake || bytes.length < 4 || bytes.length < 4 + bytes.readUIntBE(1, 3))
      return this.#handshake;
    const hello = bytes.subarray(0, 4 + bytes.readUIntBE(1, 3));
    this.#transcript = Buffer.concat([this.#transcript, hello]);
    const shared = diffieHellman({
      privateKey: this.#private,
      publicKey: createPublicKey({
        key: Buffer.concat([X25519_PREFIX, serverShare(hello)]),
        format: 'der',
        type: 'spki',
      }),
    });
    this.#secret = hmac(this.#derived(), shared);
    this.#handshake = this.#secrets('hs');
    return this.#handshake;
  }

  /** The server's other messages, in order. */
  onHandshakeData(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    while (!this.finished && this.#handshake && this.#unread.length >= 4) {
      const size = 4 + this.#unread.readUIntBE(1, 3);
      if (this.#unread.length < size) return;
      const message = this.#unread.subarray(0, size);
      this.#unread = this.#unread.subarray(size);
      this.#transcript = Buffer.concat([this.#transcript, message]);
      if (message[0] === Message.finished) this.#finish(this.#handshake);
    }
  }

  #finish(handshake: Secrets): void {
    const data = hmac(expandLabel(handshake.client, 'finished'), this.#hash());
    this.#secret = hmac(this.#derived(), NOTHING);
    this.application = this.#secrets('ap');
    this.finished = Buffer.concat([Buffer.from([Message.finished]), prefixed(3, data)]);
  }

  #derived(): Buffer {
    return expandLabel(this.#secret, 'derived', HASH_SIZE, createHash('sha256').digest());
  }

  #secrets(phase: string): Secrets {
    return {
      client: expandLabel(this.#secret, `c ${phase} traffic`, HASH_SIZE, this.#hash()),
      server: expandLabel(this.#secret, `s ${phase} traffic`, HASH_SIZE, this.#hash()),
    };
  }

  #hash(): Buffer {
    return createHash('sha256').update(this.#transcript).digest();
  }
}

function serverShare(hello: Buffer): Buffer {
  // type and length, version, random, session ID, cipher and compression, length of the extensions
  let at = 4 + 2 + 32;
  at += 1 + hello.readUInt8(at) + 3 + 2;
  while (at < hello.length) {
    const type = hello.readUInt16BE(at);
    const size = hello.readUInt16BE(at + 2);
    if (type === 51) return hello.subarray(at + 8, at + 4 + size);
    at += 4 + size;
  }
  throw new Error('a ServerHello without a key');
}
