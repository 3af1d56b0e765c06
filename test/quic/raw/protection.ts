/** Packet protection with AES-128-GCM, which is all that the raw client offers (RFC 9001, 5). */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

const HASH_SIZE = 32;
const TAG_SIZE = 16;
/** The sample lies behind the longest packet number. */
const SAMPLE_OFFSET = 4;
const SAMPLE_SIZE = 16;
const INITIAL_SALT = Buffer.from('38762cf7f55934b34d179ae6a4c80cadccbb7f0a', 'hex');

export function hmac(key: Uint8Array, data: Uint8Array): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** HKDF-Expand-Label of RFC 8446, 7.1; no output is longer than a hash. */
export function expandLabel(
  secret: Uint8Array,
  label: string,
  size = HASH_SIZE,
  context: Uint8Array = Buffer.alloc(0),
): Buffer {
  const full = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([
    Buffer.from([0, size, full.length]),
    full,
    Buffer.from([context.length]),
    context,
    Buffer.from([1]),
  ]);
  return hmac(secret, info).subarray(0, size);
}

/** The keys of one direction. */
export class Keys {
  readonly #secret: Buffer;
  readonly #key: Buffer;
  readonly #iv: Buffer;
  readonly #headerKey: Buffer;

  constructor(secret: Buffer, headerKey = expandLabel(secret, 'quic hp', 16)) {
    this.#secret = secret;
    this.#key = expandLabel(secret, 'quic key', 16);
    this.#iv = expandLabel(secret, 'quic iv', 12);
    this.#headerKey = headerKey;
  }

  /** Those of both sides' Initial packets, by the client's first connection ID. */
  static initial(id: Uint8Array): { client: Keys; server: Keys } {
    const common = hmac(INITIAL_SALT, id);
    return {
      client: new Keys(expandLabel(common, 'client in')),
      server: new Keys(expandLabel(common, 'server in')),
    };
  }

  /** Of the next phase (RFC 9001, 6). */
  updated(): Keys {
    return new Keys(expandLabel(this.#secret, 'quic ku'), this.#headerKey);
  }

  /** `header` ends with the packet's number, all four bytes of it. */
  seal(header: Buffer, number: number, payload: Buffer): Buffer {
    const cipher = createCipheriv('aes-128-gcm', this.#key, this.#nonce(number)).setAAD(header);
    const sealed = Buffer.concat([cipher.update(payload), cipher.final(), cipher.getAuthTag()]);
    const mask = this.#mask(sealed.subarray(0, SAMPLE_SIZE));
    const covered = Buffer.from(header);
    covered.writeUInt8(
      covered.readUInt8(0) ^ (mask.readUInt8(0) & (covered.readUInt8(0) & 0x80 ? 0x0f : 0x1f)),
    );
    for (let i = 0; i < 4; i++) {
      const at = covered.length - 4 + i;
      covered.writeUInt8(covered.readUInt8(at) ^ mask.readUInt8(1 + i), at);
    }
    return Buffer.concat([covered, sealed]);
  }

  /** `packet` alone, its number at `offset`; undefined: it isn't sealed with these keys. `expected` would come next. */
  open(packet: Buffer, offset: number, expected: number): { number: number; payload: Buffer } | undefined {
    const sample = packet.subarray(offset + SAMPLE_OFFSET, offset + SAMPLE_OFFSET + SAMPLE_SIZE);
    if (sample.length < SAMPLE_SIZE) return undefined;
    const mask = this.#mask(sample);
    const first = packet.readUInt8(0) ^ (mask.readUInt8(0) & (packet.readUInt8(0) & 0x80 ? 0x0f : 0x1f));
    const size = (first & 3) + 1;
    const header = Buffer.from(packet.subarray(0, offset + size));
    header.writeUInt8(first);
    for (let i = 0; i < size; i++)
      header.writeUInt8(header.readUInt8(offset + i) ^ mask.readUInt8(1 + i), offset + i);
    const number = expandNumber(header.readUIntBE(offset, size), size, expected);
    const decipher = createDecipheriv('aes-128-gcm', this.#key, this.#nonce(number)).setAAD(header);
    decipher.setAuthTag(packet.subarray(packet.length - TAG_SIZE));
    try {
      const plain = decipher.update(packet.subarray(offset + size, packet.length - TAG_SIZE));
      return { number, payload: Buffer.concat([plain, decipher.final()]) };
    } catch {
      return undefined;
    }
  }

  #nonce(number: number): Buffer {
    const nonce = Buffer.from(this.#iv);
    const end = nonce.length - 4;
    nonce.writeUInt32BE((nonce.readUInt32BE(end) ^ number) >>> 0, end);
    return nonce;
  }

  #mask(sample: Buffer): Buffer {
    return createCipheriv('aes-128-ecb', this.#headerKey, null).update(sample);
  }
}

/** The number nearest to the expected one that ends with these bytes (RFC 9000, A.3). */
function expandNumber(truncated: number, size: number, expected: number): number {
  const window = 2 ** (8 * size);
  const number = Math.floor(expected / window) * window + truncated;
  if (number <= expected - window / 2) return number + window;
  return number > expected + window / 2 && number >= window ? number - window : number;
}
