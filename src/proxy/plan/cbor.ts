/** Encodes the Plan as CBOR (RFC 8949), definite lengths only: what native/proxy/plan.cc reads. */

const majorType = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5 } as const;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;

/** Up to here, copying characters one by one is quicker than a call that copies them all. */
const LONG_TEXT = 48;

/** Encodes plain data: numbers must be integers, members that are `undefined` are left out. */
export function encodeCbor(value: unknown): Uint8Array {
  const writer = new CborWriter();
  writer.value(value);
  return writer.finish();
}

class CborWriter {
  #buffer = Buffer.allocUnsafe(64 * 1024);
  #length = 0;

  value(value: unknown): void {
    if (value === null) this.#byte(NULL);
    else if (typeof value === 'string') this.#text(value);
    else if (typeof value === 'number') this.#integer(value);
    else if (typeof value === 'boolean') this.#byte(value ? TRUE : FALSE);
    else if (value instanceof Uint8Array) this.#bytes(value);
    else if (Array.isArray(value)) {
      this.#head(majorType.array, value.length);
      for (const item of value) this.value(item);
    } else if (typeof value === 'object') this.#map(value as Record<string, unknown>);
    else throw new TypeError(`no CBOR for ${typeof value}`);
  }

  finish(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #map(value: Record<string, unknown>): void {
    const keys = Object.keys(value).filter((key) => value[key] !== undefined);
    this.#head(majorType.map, keys.length);
    for (const key of keys) {
      this.#text(key);
      this.value(value[key]);
    }
  }

  #integer(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`not an integer: ${value}`);
    if (value >= 0) this.#head(majorType.unsigned, value);
    else this.#head(majorType.negative, -1 - value);
  }

  /** Configuration text is bytes, held as latin1 (one character a byte): what leaves here is those bytes again. */
  #text(value: string): void {
    const { length } = value;
    this.#head(majorType.text, length);
    this.#reserve(length);
    if (length > LONG_TEXT) {
      this.#buffer.write(value, this.#length, length, 'latin1');
    } else {
      for (let at = 0; at < length; at++) this.#buffer[this.#length + at] = value.charCodeAt(at);
    }
    this.#length += length;
  }

  #bytes(value: Uint8Array): void {
    this.#head(majorType.bytes, value.length);
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
  }

  /** RFC 8949 section 3: major type and argument, in the shortest form. */
  #head(major: number, argument: number): void {
    const type = major << 5;
    if (argument < 24) {
      this.#byte(type | argument);
    } else if (argument < 0x100) {
      this.#byte(type | 24);
      this.#byte(argument);
    } else if (argument < 0x10000) {
      this.#byte(type | 25);
      this.#reserve(2);
      this.#length = this.#buffer.writeUInt16BE(argument, this.#length);
    } else if (argument < 0x100000000) {
      this.#byte(type | 26);
      this.#reserve(4);
      this.#length = this.#buffer.writeUInt32BE(argument, this.#length);
    } else {
      this.#byte(type | 27);
      this.#reserve(8);
      this.#length = this.#buffer.writeBigUInt64BE(BigInt(argument), this.#length);
    }
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = byte;
  }

  #reserve(extra: number): void {
    if (this.#length + extra <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#length + extra));
    this.#buffer.copy(larger, 0, 0, this.#length);
    this.#buffer = larger;
  }
}
