/**
 * What data thread and control thread tell each other of WebTransport sessions; the other side is
 * native/modules/webtransport_message.h. A message is a kind, the numbers of session and stream, the length of what
 * follows, and that; numbers are little-endian.
 */

/** From the data thread. */
export const NEWS = {
  session: 1,
  opened: 2,
  data: 3,
  end: 4,
  reset: 5,
  stopped: 6,
  room: 7,
  finished: 8,
  datagram: 9,
  draining: 10,
  clientDraining: 11,
  gone: 12,
  closed: 13,
} as const;

/** From the control thread. */
export const ORDER = {
  taken: 1,
  accept: 2,
  refuse: 3,
  open: 4,
  write: 5,
  finish: 6,
  reset: 7,
  stop: 8,
  used: 9,
  datagram: 10,
  drain: 11,
  close: 12,
  log: 13,
} as const;

export type Order = (typeof ORDER)[keyof typeof ORDER];

/** Of a stream that was opened, as bits. */
export const WAY = { bidirectional: 1, fromClient: 2 } as const;

export interface Message {
  readonly kind: number;
  readonly session: number;
  readonly stream: number;
  readonly payload: Buffer;
}

const HEAD = 13;

export function* messagesOf(batch: Buffer): Generator<Message> {
  for (let at = 0; at + HEAD <= batch.length; ) {
    const end = at + HEAD + batch.readUInt32LE(at + 9);
    yield {
      kind: batch.readUInt8(at),
      session: batch.readUInt32LE(at + 1),
      stream: batch.readUInt32LE(at + 5),
      payload: batch.subarray(at + HEAD, end),
    };
    at = end;
  }
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

const NOTHING = new Uint8Array();

/** Orders that go to the data thread together, once what runs now is done. */
export class Orders {
  readonly #send: (batch: Uint8Array) => void;
  #batch: Buffer[] = [];

  constructor(send: (batch: Uint8Array) => void) {
    this.#send = send;
  }

  /** Copies the payload. */
  put(order: Order, session: number, stream = 0, payload: Uint8Array = NOTHING): void {
    const message = Buffer.allocUnsafe(HEAD + payload.length);
    message.writeUInt8(order, 0);
    message.writeUInt32LE(session, 1);
    message.writeUInt32LE(stream, 5);
    message.writeUInt32LE(payload.length, 9);
    message.set(payload, HEAD);
    if (this.#batch.length === 0) setImmediate(() => this.#flush());
    this.#batch.push(message);
  }

  #flush(): void {
    const batch = Buffer.concat(this.#batch);
    this.#batch = [];
    this.#send(batch);
  }
}
