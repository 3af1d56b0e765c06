/** DNS messages, RFC 1035 section 4: just what a stub resolver asks and understands. */

export const recordType = { A: 1, CNAME: 5, AAAA: 28, SRV: 33 } as const;
export type RecordType = (typeof recordType)[keyof typeof recordType];

export type DnsRecord = { readonly name: string /** Seconds. */; readonly ttl: number } & (
  | {
      readonly type: typeof recordType.A | typeof recordType.AAAA /** Without brackets. */;
      readonly address: string;
    }
  | { readonly type: typeof recordType.CNAME; readonly target: string }
  | {
      readonly type: typeof recordType.SRV;
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
);

export type DnsAlias = Extract<DnsRecord, { readonly type: typeof recordType.CNAME }>;

export function isAlias(record: DnsRecord): record is DnsAlias {
  return record.type === recordType.CNAME;
}

export interface DnsResponse {
  readonly id: number;
  /** RFC 1035's RCODE; 0 is success. */
  readonly code: number;
  readonly truncated: boolean;
  /** What was asked. */
  readonly name: string;
  readonly type: number;
  readonly answers: readonly DnsRecord[];
}

const HEADER = 12;
const CLASS_IN = 1;
const RECURSION_DESIRED = 0x0100;
const RESPONSE = 0x8000;
const TRUNCATED = 0x0200;
const LONGEST_LABEL = 63;
const LONGEST_NAME = 255;
const MAX_POINTERS = 64;

/** Undefined for what can't be a name. */
export function encodeQuery(id: number, name: string, type: RecordType): Buffer | undefined {
  const labels = name.split('.');
  if (name.length > LONGEST_NAME || labels.some((label) => label === '' || label.length > LONGEST_LABEL))
    return undefined;
  const query = Buffer.alloc(HEADER + name.length + 2 + 4);
  query.writeUInt16BE(id, 0);
  query.writeUInt16BE(RECURSION_DESIRED, 2);
  query.writeUInt16BE(1, 4);
  let at = HEADER;
  for (const label of labels) {
    query[at++] = label.length;
    at += query.write(label, at, 'latin1');
  }
  query[at++] = 0;
  at = query.writeUInt16BE(type, at);
  query.writeUInt16BE(CLASS_IN, at);
  return query;
}

/** Undefined for what is no response: malformed, or not to one question. Records of other kinds are left out. */
export function decodeResponse(message: Buffer): DnsResponse | undefined {
  try {
    return new Decoder(message).response();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Reads beyond the end throw a RangeError, as Buffer's methods do. */
class Decoder {
  readonly #message: Buffer;
  #at = HEADER;

  constructor(message: Buffer) {
    this.#message = message;
  }

  response(): DnsResponse {
    const flags = this.#message.readUInt16BE(2);
    const questions = this.#message.readUInt16BE(4);
    if (!(flags & RESPONSE) || questions !== 1) throw new RangeError('no response');
    const name = this.#name();
    const type = this.#uint16();
    if (this.#uint16() !== CLASS_IN) throw new RangeError('not of the Internet');
    const answers: DnsRecord[] = [];
    const truncated = (flags & TRUNCATED) !== 0;
    for (let left = truncated ? 0 : this.#message.readUInt16BE(6); left > 0; left--) {
      const record = this.#record();
      if (record) answers.push(record);
    }
    return { id: this.#message.readUInt16BE(0), code: flags & 0xf, truncated, name, type, answers };
  }

  #record(): DnsRecord | undefined {
    const name = this.#name();
    const type = this.#uint16();
    const inside = this.#uint16() === CLASS_IN;
    const ttl = this.#message.readInt32BE(this.#at);
    this.#at += 4;
    const length = this.#uint16();
    const end = this.#at + length;
    if (end > this.#message.length) throw new RangeError('record beyond the end');
    const record = inside ? this.#data(name, type, Math.max(ttl, 0), length) : undefined;
    this.#at = end;
    return record;
  }

  #data(name: string, type: number, ttl: number, length: number): DnsRecord | undefined {
    if (type === recordType.A && length === 4) {
      return { name, ttl, type, address: this.#message.subarray(this.#at, this.#at + 4).join('.') };
    }
    if (type === recordType.AAAA && length === 16) return { name, ttl, type, address: this.#inet6() };
    if (type === recordType.CNAME) return { name, ttl, type, target: this.#name() };
    if (type !== recordType.SRV) return undefined;
    const priority = this.#uint16();
    const weight = this.#uint16();
    const port = this.#uint16();
    return { name, ttl, type, priority, weight, port, target: this.#name() };
  }

  #inet6(): string {
    const groups = Array.from({ length: 8 }, (_, index) =>
      this.#message.readUInt16BE(this.#at + 2 * index).toString(16),
    );
    // RFC 5952's short form
    return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
  }

  #uint16(): number {
    const value = this.#message.readUInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  /** Lower case. Section 4.1.4: the rest of a name may lie elsewhere, behind a pointer. */
  #name(): string {
    const labels: string[] = [];
    let at = this.#at;
    let pointers = 0;
    for (;;) {
      const length = this.#message.readUInt8(at);
      if (length >= 0xc0) {
        if (++pointers > MAX_POINTERS) throw new RangeError('pointers in a circle');
        if (pointers === 1) this.#at = at + 2;
        at = this.#message.readUInt16BE(at) & 0x3fff;
        continue;
      }
      if (length > LONGEST_LABEL || at + length >= this.#message.length) throw new RangeError('no label');
      if (pointers === 0) this.#at = at + 1 + length;
      if (length === 0) return labels.join('.');
      labels.push(this.#message.toString('latin1', at + 1, at + 1 + length).toLowerCase());
      at += 1 + length;
    }
  }
}
