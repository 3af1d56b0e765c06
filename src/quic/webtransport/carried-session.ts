import { CarriedStream } from './carried-stream.ts';
import type { LibrarySession, NativeSession } from './library.ts';
import { type Message, NEWS, ORDER, type Order, type Orders, uint32, WAY } from './messages.ts';

/** Streams that the client doesn't allow yet. */
const MOST_WAITING = 1_000;
const LONGEST_REASON = 1_024;

export interface SessionStart {
  readonly number: number;
  /** Of a stream, bytes that the data thread takes at first. */
  readonly room: number;
  readonly maxDatagramSize: number;
  /** Of datagrams that the handler has not read, and of those that it writes at a go; what is more is lost. */
  readonly datagramQueue: number;
  /** Over HTTP/2, where no datagram gets lost on its way. */
  readonly reliable: boolean;
}

/** A session as the library's HttpWTSession has it. */
export class CarriedSession implements NativeSession {
  jsobj!: LibrarySession;
  /** The session is over, perhaps before the library has known it. */
  closed = false;
  readonly number: number;
  readonly reliable: boolean;
  readonly #start: SessionStart;
  readonly #orders: Orders;
  readonly #streams = new Map<number, CarriedStream>();
  #opening = 0;
  #datagrams = 0;

  constructor(start: SessionStart, orders: Orders) {
    this.number = start.number;
    this.reliable = start.reliable;
    this.#start = start;
    this.#orders = orders;
  }

  // --- To the data thread ---

  accept(protocol: string): void {
    this.#put(ORDER.accept, Buffer.from(protocol, 'latin1'));
  }

  refuse(status: number): void {
    const bytes = Buffer.alloc(2);
    bytes.writeUInt16LE(status);
    this.#put(ORDER.refuse, bytes);
  }

  /** A line in the error log of the session's location. */
  log(message: string): void {
    this.#put(ORDER.log, Buffer.from(message));
  }

  #put(order: Order, payload?: Uint8Array): void {
    this.#orders.put(order, this.number, 0, payload);
  }

  // --- From the data thread ---

  onNews({ kind, stream: number, payload }: Message): void {
    if (kind === NEWS.opened) {
      this.#onOpened(number, payload.readUInt8());
      return;
    }
    const stream = this.#streams.get(number);
    if (kind === NEWS.data) stream?.onData(payload);
    else if (kind === NEWS.end) stream?.onEnd();
    else if (kind === NEWS.reset) stream?.onReset(payload.readUInt32LE());
    else if (kind === NEWS.stopped) stream?.onStopped(payload.readUInt32LE());
    else if (kind === NEWS.room) stream?.onRoom(payload.readUInt32LE());
    else if (kind === NEWS.finished) stream?.onFinished();
    else if (kind === NEWS.gone) this.#onGone(number);
    else if (kind === NEWS.datagram) this.#onDatagram(payload);
    else if (kind === NEWS.draining || kind === NEWS.clientDraining) this.#onDraining();
    else if (kind === NEWS.closed) this.#onClosed(payload.readUInt32LE(), payload.toString('utf8', 4));
  }

  #onOpened(number: number, way: number): void {
    const bidirectional = (way & WAY.bidirectional) !== 0;
    const incoming = (way & WAY.fromClient) !== 0;
    const stream = new CarriedStream(this.number, number, this.#start.room, this.#orders);
    this.#streams.set(number, stream);
    if (!incoming) this.#opening--;
    try {
      this.jsobj.onStream({ stream, bidirectional, incoming, sendOrder: 0 });
    } catch {
      // The handler takes no more of them.
      this.#orders.put(ORDER.stop, this.number, number, uint32(0));
      this.#orders.put(ORDER.reset, this.number, number, uint32(0));
    }
  }

  #onGone(number: number): void {
    this.#streams.get(number)?.release();
    this.#streams.delete(number);
  }

  #onDatagram(datagram: Buffer): void {
    const unread = -(this.jsobj.incomDatagramController_?.desiredSize ?? 0);
    if (unread >= this.#start.datagramQueue) return;
    try {
      this.jsobj.onDatagramReceived({ datagram });
    } catch {
      // The handler has cancelled them.
    }
  }

  // The library takes a session that drains for one that never was connected.
  #onDraining(): void {
    this.jsobj.onGoAwayReceived({});
    this.jsobj.state = 'connected';
  }

  #onClosed(closeCode: number, reason: string): void {
    this.closed = true;
    if (!this.jsobj) return;
    const streams = [...this.#streams.values()];
    try {
      this.jsobj.onClose({ errorcode: closeCode, error: reason });
    } catch {
      // A handler that has cancelled the incoming streams lets the library stumble half-way.
      this.jsobj.state = 'closed';
      this.jsobj.closedResolve({ closeCode, reason });
    }
    for (const stream of streams) stream.release();
    this.#streams.clear();
  }

  // --- From the library ---

  writeDatagram(chunk: Uint8Array): { code: 'success' | 'blocked' | 'tooBig' } {
    if (chunk.length > this.#start.maxDatagramSize) return { code: 'tooBig' };
    if (this.#datagrams >= this.#start.datagramQueue) return { code: 'blocked' };
    if (this.#datagrams++ === 0) setImmediate(() => (this.#datagrams = 0));
    this.#put(ORDER.datagram, chunk);
    return { code: 'success' };
  }

  orderBidiStream(): boolean {
    return this.#open(1);
  }

  orderUnidiStream(): boolean {
    return this.#open(0);
  }

  #open(bidirectional: 0 | 1): boolean {
    if (this.#opening >= MOST_WAITING) return false;
    this.#opening++;
    this.#put(ORDER.open, Uint8Array.of(bidirectional));
    return true;
  }

  getMaxDatagramSize(): number {
    return this.#start.maxDatagramSize;
  }

  notifySessionDraining(): void {
    this.#put(ORDER.drain);
  }

  close({ code, reason }: { code: number; reason: string }): void {
    this.#put(ORDER.close, Buffer.concat([uint32(code >>> 0), shortened(reason)]));
  }

  orderSessionStats(): void {
    this.jsobj.resolveSessionStats.pop();
    this.jsobj.rejectSessionStats.pop()?.(new Error('no statistics are kept'));
  }

  orderDatagramStats(): void {
    this.jsobj.resolveDatagramStats.pop();
    this.jsobj.rejectDatagramStats.pop()?.(new Error('no statistics are kept'));
  }
}

/** Cut between two characters. */
function shortened(reason: string): Buffer {
  const bytes = Buffer.from(reason);
  let end = Math.min(bytes.length, LONGEST_REASON);
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
