/** QUIC's numbers (RFC 9000, 16). */

export function varint(value: number | bigint): Buffer {
  const number = BigInt(value);
  const power = number < 0x40n ? 0 : number < 0x4000n ? 1 : number < 0x40000000n ? 2 : 3;
  const size = 1 << power;
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(number | (BigInt(power) << BigInt(size * 8 - 2)));
  return bytes.subarray(8 - size);
}

/** Takes what a packet or a stream says from its front. */
export class Reader {
  #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length;
  }

  byte(): number {
    return this.bytes(1).readUInt8();
  }

  varint(): number {
    const size = 1 << ((this.#bytes[0] ?? 0) >> 6);
    const bytes = Buffer.concat([Buffer.alloc(8 - size), this.bytes(size)]);
    bytes.writeUInt8(bytes.readUInt8(8 - size) & 0x3f, 8 - size);
    return Number(bytes.readBigUInt64BE());
  }

  bytes(size = this.#bytes.length): Buffer {
    if (size > this.#bytes.length) throw new RangeError('cut short');
    const taken = this.#bytes.subarray(0, size);
    this.#bytes = this.#bytes.subarray(size);
    return taken;
  }
}
