/** HTTP/3 by hand: frames, and field sections without a table (RFC 9114, RFC 9204). */
import { streamFrame } from './frames.ts';
import type { RawClient } from './raw-client.ts';
import { Reader, varint } from './varint.ts';

export const H3 = {
  data: 0x00,
  headers: 0x01,
  cancelPush: 0x03,
  settings: 0x04,
  pushPromise: 0x05,
  goaway: 0x07,
  maxPushId: 0x0d,
  priorityUpdate: 0xf0700,
} as const;

/** Streams of the client's, by what they are for. */
export const Stream = { control: 2, encoder: 6, decoder: 10, first: 0 } as const;

export function h3Frame(type: number, ...payload: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(payload);
  return Buffer.concat([varint(type), varint(body.length), body]);
}

/** An integer behind `high`, in so many bits of its byte (RFC 7541, 5.1). */
export function prefixInteger(high: number, bits: number, value: number): Buffer {
  const most = (1 << bits) - 1;
  if (value < most) return Buffer.from([high | value]);
  const bytes = [high | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** Literal names and values. */
export function section(fields: readonly (readonly [string, string])[]): Buffer {
  const lines = fields.map(([name, value]) =>
    Buffer.concat([
      prefixInteger(0x20, 3, Buffer.byteLength(name)),
      Buffer.from(name),
      prefixInteger(0, 7, Buffer.byteLength(value)),
      Buffer.from(value),
    ]),
  );
  return Buffer.concat([Buffer.from([0, 0]), ...lines]);
}

export type Fields = readonly (readonly [string, string])[];

export function headers(fields: Fields): Buffer {
  return h3Frame(H3.headers, section(fields));
}

export function request(path: string, fields: Fields = [], method = 'GET'): Buffer {
  return headers([
    [':method', method],
    [':scheme', 'https'],
    [':authority', 'localhost'],
    [':path', path],
    ...fields,
  ]);
}

export const settings = Buffer.concat([varint(0), h3Frame(H3.settings)]);

/** What a client says first: a control stream with empty SETTINGS. */
export const greeting = streamFrame(Stream.control, settings);

export interface Response {
  /** Of its heads, informational ones first; 0 is another than those in the static table. Trailers have none. */
  readonly statuses: readonly (number | undefined)[];
  readonly body: Buffer;
}

/** `:status` in QPACK's static table (RFC 9204, appendix A). */
const STATUSES = new Map([
  [24, 103],
  [25, 200],
  [26, 304],
  [27, 404],
  [28, 503],
  [63, 100],
  [64, 204],
  [65, 206],
  [66, 302],
  [67, 400],
  [68, 403],
  [69, 421],
  [70, 425],
  [71, 500],
]);
const STATUS_NAME = 0x5f;

export function parseResponse(bytes: Buffer): Response {
  const reader = new Reader(bytes);
  const statuses: (number | undefined)[] = [];
  const body: Buffer[] = [];
  while (reader.left > 0) {
    const type = reader.varint();
    const payload = reader.bytes(Math.min(reader.varint(), reader.left));
    if (type === H3.data) body.push(payload);
    if (type === H3.headers) statuses.push(statusOf(payload));
  }
  return { statuses, body: Buffer.concat(body) };
}

function statusOf(payload: Buffer): number | undefined {
  const [first = 0, second = 0] = payload.subarray(2);
  if (first === STATUS_NAME) return 0;
  if ((first & 0xc0) !== 0xc0) return undefined;
  const index = first & 0x3f;
  return STATUSES.get(index === 0x3f ? 0x3f + second : index);
}

/** The server's control stream. */
const SERVER_CONTROL = 3;

/** Frames of the server's control stream so far: types, and the number that each begins with. */
export function controlFrames(client: RawClient): [type: number, number: number | undefined][] {
  const reader = new Reader(client.received(SERVER_CONTROL).bytes);
  const frames: [number, number | undefined][] = [];
  if (reader.left > 0) reader.varint();
  while (reader.left > 0) {
    const type = reader.varint();
    const payload = new Reader(reader.bytes(reader.varint()));
    frames.push([type, payload.left > 0 ? payload.varint() : undefined]);
  }
  return frames;
}
