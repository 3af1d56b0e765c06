/** Frames: those that a server sends are read, any is written (RFC 9000, 19). */
import { Reader, varint } from './varint.ts';

export interface Frame {
  readonly type: number;
  /** Fields, in the frame's order. */
  readonly numbers: readonly number[];
  /** What a CRYPTO, STREAM or NEW_TOKEN frame holds, and reasons, connection IDs with their tokens, path data. */
  readonly bytes: Buffer;
}

export const FrameType = {
  padding: 0x00,
  ping: 0x01,
  ack: 0x02,
  resetStream: 0x04,
  stopSending: 0x05,
  crypto: 0x06,
  newToken: 0x07,
  stream: 0x08,
  maxData: 0x10,
  maxStreamData: 0x11,
  maxStreams: 0x12,
  dataBlocked: 0x14,
  newConnectionId: 0x18,
  retireConnectionId: 0x19,
  pathChallenge: 0x1a,
  pathResponse: 0x1b,
  connectionClose: 0x1c,
  applicationClose: 0x1d,
  handshakeDone: 0x1e,
  datagram: 0x30,
} as const;

const STREAM_MASK = 0xf8;
const TOKEN_SIZE = 16;
/** How many numbers a frame consists of, where that is all. */
const plainFrames = new Map([
  [0x01, 0],
  [0x04, 3],
  [0x05, 2],
  [0x10, 1],
  [0x11, 2],
  [0x12, 1],
  [0x13, 1],
  [0x14, 1],
  [0x15, 2],
  [0x16, 1],
  [0x17, 1],
  [0x19, 1],
  [0x1e, 0],
]);

export function isStream({ type }: Frame): boolean {
  return (type & STREAM_MASK) === FrameType.stream;
}

export function parseFrames(payload: Buffer): Frame[] {
  const reader = new Reader(payload);
  const frames: Frame[] = [];
  while (reader.left > 0) {
    const type = reader.varint();
    if (type !== FrameType.padding) frames.push(parseFrame(type, reader));
  }
  return frames;
}

function parseFrame(type: number, reader: Reader): Frame {
  const numbers: number[] = [];
  const take = (count: number): void => {
    for (let i = 0; i < count; i++) numbers.push(reader.varint());
  };
  const frame = (size: number): Frame => ({ type, numbers, bytes: reader.bytes(size) });
  const plain = plainFrames.get(type);
  if (plain !== undefined) {
    take(plain);
    return frame(0);
  }
  if ((type & STREAM_MASK) === FrameType.stream) {
    // stream, offset, whether it ends
    take(1);
    numbers.push(type & 4 ? reader.varint() : 0, type & 1);
    return frame(type & 2 ? reader.varint() : reader.left);
  }
  switch (type) {
    case FrameType.ack:
    case FrameType.ack + 1:
      take(4);
      take(2 * (numbers[2] ?? 0) + (type === FrameType.ack ? 0 : 3));
      return frame(0);
    case FrameType.crypto:
      take(1);
      return frame(reader.varint());
    case FrameType.newToken:
      return frame(reader.varint());
    case FrameType.newConnectionId:
      take(2);
      return frame(reader.byte() + TOKEN_SIZE);
    case FrameType.datagram:
      return frame(reader.left);
    case FrameType.datagram + 1:
      return frame(reader.varint());
    case FrameType.pathChallenge:
    case FrameType.pathResponse:
      return frame(8);
    case FrameType.connectionClose:
      take(2);
      return frame(reader.varint());
    case FrameType.applicationClose:
      take(1);
      return frame(reader.varint());
    default:
      throw new Error(`a frame of type ${type}`);
  }
}

// --- Writing ---

/** A type and numbers. */
export function frame(type: number, ...numbers: readonly (number | bigint)[]): Buffer {
  return Buffer.concat([varint(type), ...numbers.map(varint)]);
}

export function cryptoFrame(bytes: Uint8Array, offset = 0): Buffer {
  return Buffer.concat([frame(FrameType.crypto, offset, bytes.length), bytes]);
}

export function datagramFrame(bytes: Uint8Array): Buffer {
  return Buffer.concat([frame(FrameType.datagram + 1, bytes.length), bytes]);
}

export interface StreamPart {
  readonly offset?: number;
  readonly end?: boolean;
}

export function streamFrame(
  stream: number,
  bytes: Uint8Array,
  { offset = 0, end = false }: StreamPart = {},
): Buffer {
  return Buffer.concat([frame(FrameType.stream | 6 | (end ? 1 : 0), stream, offset, bytes.length), bytes]);
}

/** Acknowledges single packets. */
export function ackFrame(packets: ReadonlySet<number>): Buffer {
  const ranges: [number, number][] = [];
  for (const number of [...packets].sort((a, b) => b - a)) {
    const last = ranges.at(-1);
    if (last && last[0] === number + 1) last[0] = number;
    else ranges.push([number, number]);
  }
  const [[lowest, highest] = [0, 0], ...others] = ranges;
  const numbers = [highest, 0, others.length, highest - lowest];
  let previous = lowest;
  for (const [low, high] of others) {
    numbers.push(previous - high - 2, high - low);
    previous = low;
  }
  return frame(FrameType.ack, ...numbers);
}

export function newConnectionIdFrame(sequence: number, retirePriorTo: number, id: Uint8Array): Buffer {
  return Buffer.concat([
    frame(FrameType.newConnectionId, sequence, retirePriorTo),
    Buffer.from([id.length]),
    id,
    Buffer.alloc(TOKEN_SIZE, sequence & 0xff),
  ]);
}
