/** Reads connection IDs by draft-ietf-quic-load-balancers and our documentation alone, independently of the data plane. */
import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto';

export interface Layout {
  readonly hostIdSize: number;
  readonly nonceSize: number;
  readonly key?: Buffer;
}

export interface Decoded {
  readonly rotation: number;
  /** Of what follows the first octet. */
  readonly length: number;
  readonly hostId: string;
  readonly worker: number;
  readonly generation: number;
}

const PROCESS_SIZE = 3;
const HASHED_SIZE = 8;

/** `seed`: of the host, which the master keeps to itself. */
export function decodeConnectionId(
  id: Buffer,
  { hostIdSize, nonceSize, key }: Layout,
  seed: Buffer,
): Decoded {
  const first = id.readUInt8(0);
  const text = id.subarray(1, 1 + hostIdSize + nonceSize);
  const plain = key ? decrypt(key, text) : text;
  const mask = createHmac('sha256', seed).update('sluice quic process').digest().subarray(0, 8);
  const end = id.length - PROCESS_SIZE;
  const process =
    (id.readUIntBE(end, PROCESS_SIZE) ^ halfSipHash(mask, id.subarray(end - HASHED_SIZE, end))) & 0xffffff;
  return {
    rotation: first >> 5,
    length: first & 31,
    hostId: plain.toString('hex', 0, hostIdSize),
    worker: process >> 12,
    generation: process & 0xfff,
  };
}

/** 5.4 of the draft. */
function decrypt(key: Buffer, text: Buffer): Buffer {
  if (text.length === 16) {
    const cipher = createDecipheriv('aes-128-ecb', key, null).setAutoPadding(false);
    return Buffer.concat([cipher.update(text), cipher.final()]);
  }
  // Halves as numbers of so many half-octets, which an odd length splits evenly.
  const bits = BigInt(text.length * 4);
  const whole = BigInt(`0x${text.toString('hex')}`);
  let left = whole >> bits;
  let right = whole & ((1n << bits) - 1n);
  for (const pass of [4, 3, 2, 1]) {
    if (pass % 2 === 0) left ^= round(key, text.length, pass, right, false);
    else right ^= round(key, text.length, pass, left, true);
  }
  return Buffer.from(((left << bits) | right).toString(16).padStart(text.length * 2, '0'), 'hex');
}

/** What one half, the left or the right one, makes of the other. */
function round(key: Buffer, length: number, pass: number, half: bigint, isLeft: boolean): bigint {
  const halfSize = Math.ceil(length / 2);
  const spare = BigInt(halfSize * 8 - length * 4);
  const input = Buffer.alloc(16);
  Buffer.from((isLeft ? half << spare : half).toString(16).padStart(halfSize * 2, '0'), 'hex').copy(input);
  input.writeUInt8(length, 14);
  input.writeUInt8(pass, 15);
  const output = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false).update(input);
  const taken = BigInt(`0x${output.toString('hex', 0, halfSize)}`);
  // It is for the other half: of an odd length the left one lacks the last four bits, the right one the first.
  return isLeft ? taken & ((1n << BigInt(length * 4)) - 1n) : taken >> spare;
}

/** HalfSipHash-2-4, 32 bits. */
function halfSipHash(key: Buffer, bytes: Buffer): number {
  const [k0, k1] = [key.readUInt32LE(0), key.readUInt32LE(4)];
  let [v0, v1, v2, v3] = [k0, k1, k0 ^ 0x6c796765, k1 ^ 0x74656462];
  const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));
  const rounds = (count: number): void => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) | 0;
      v1 = rotate(v1, 5) ^ v0;
      v0 = rotate(v0, 16);
      v2 = (v2 + v3) | 0;
      v3 = rotate(v3, 8) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = rotate(v3, 7) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = rotate(v1, 13) ^ v2;
      v2 = rotate(v2, 16);
    }
  };
  const words = [bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.length << 24];
  for (const word of words) {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  v2 ^= 0xff;
  rounds(4);
  return v1 ^ v3;
}
