import type { LibraryStream, NativeStream } from './library.ts';
import { ORDER, type Order, type Orders, uint32 } from './messages.ts';

/** Of a chunk, what goes in one message. */
const LARGEST_PIECE = 64 * 1024;

/**
 * A stream as the library's HttpWTStream has it. What the handler has not read stays here, and the client's window
 * with it; what the client has no room for keeps the handler's writer waiting.
 */
export class CarriedStream implements NativeStream {
  jsobj!: LibraryStream;
  readonly readbuffer = undefined;
  readonly #number: number;
  readonly #session: number;
  readonly #orders: Orders;
  readonly #received: Uint8Array[] = [];
  /** Bytes that the library has, and nobody has read as far as is known. */
  #unread = 0;
  #ended = false;
  #endTold = false;
  #reading = false;
  #delivering = false;
  #draining = false;
  /** Bytes that the data thread takes. */
  #room: number;
  #unwritten: Uint8Array | undefined;

  constructor(session: number, number: number, room: number, orders: Orders) {
    this.#session = session;
    this.#number = number;
    this.#room = room;
    this.#orders = orders;
  }

  // --- From the data thread ---

  onData(bytes: Uint8Array): void {
    this.#received.push(bytes);
    this.#deliver();
  }

  onEnd(): void {
    this.#ended = true;
    this.#deliver();
  }

  onReset(code: number): void {
    this.jsobj.onStreamRecvSignal({ nettask: 'resetStream', code });
  }

  onStopped(code: number): void {
    this.#unwritten = undefined;
    this.jsobj.onStreamRecvSignal({ nettask: 'stopSending', code });
  }

  onRoom(bytes: number): void {
    this.#room += bytes;
    this.#write();
  }

  onFinished(): void {
    this.jsobj.onStreamNetworkFinish({ nettask: 'streamFinal' });
  }

  /** The session is over: whoever waits for this stream waits no longer. */
  release(): void {
    this.#unwritten = undefined;
    this.jsobj.onStreamWrite({ success: false });
  }

  // --- From the library ---

  /** Somebody waits, so all that came before has been read. */
  startReading(): void {
    this.#reading = true;
    this.#giveBack();
    this.#deliver();
  }

  stopReading(): void {
    this.#reading = false;
  }

  /** All that is there, whether it is wanted or not. */
  drainReads(): void {
    this.#draining = true;
    this.#deliver();
  }

  stopSending(code: number): void {
    this.#received.length = 0;
    this.#put(ORDER.stop, uint32(code));
    this.jsobj.onStreamNetworkFinish({ nettask: 'stopSending' });
  }

  resetStream(code: number): void {
    this.#put(ORDER.reset, uint32(code));
    this.jsobj.onStreamNetworkFinish({ nettask: 'resetStream' });
  }

  writeChunk(chunk: Uint8Array): void {
    this.#unwritten = chunk;
    this.#write();
  }

  streamFinal(): void {
    this.#put(ORDER.finish);
  }

  /** Streams take turns. */
  updateSendOrderAndGroup(): void {}

  #put(order: Order, payload?: Uint8Array): void {
    this.#orders.put(order, this.#session, this.#number, payload);
  }

  #write(): void {
    while (this.#unwritten && this.#room > 0) {
      const piece = this.#unwritten.subarray(0, Math.min(this.#room, LARGEST_PIECE));
      this.#room -= piece.length;
      this.#put(ORDER.write, piece);
      const rest = this.#unwritten.subarray(piece.length);
      this.#unwritten = rest.length > 0 ? rest : undefined;
      if (!this.#unwritten) this.jsobj.onStreamWrite({ success: true });
    }
  }

  // The library's calls come back here from within.
  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    while (this.#wanted()) this.#deliverOne();
    this.#delivering = false;
    if (!this.#ended || this.#received.length > 0 || this.#endTold) return;
    this.#endTold = true;
    this.#giveBack();
    this.jsobj.commitReadBuffer({ fin: true });
  }

  #wanted(): boolean {
    return this.#received.length > 0 && (this.#reading || this.#draining);
  }

  #deliverOne(): void {
    const [first] = this.#received;
    if (!first) return;
    const { buffer = new Uint8Array(first.length), byob } = this.jsobj.getReadBuffer({
      byteSize: first.length,
    });
    const bytes = Math.min(first.length, buffer.length);
    buffer.set(first.subarray(0, bytes));
    if (bytes < first.length) this.#received[0] = first.subarray(bytes);
    else this.#received.shift();
    this.#unread += bytes;
    const read = { buffer, readBytes: bytes, drained: true, fin: false, ...(byob && { byob }) };
    const { stopReading } = this.jsobj.commitReadBuffer(read);
    // Something lies there unread: the library asks for more when somebody wants it.
    if (stopReading || (this.jsobj.readableController?.desiredSize ?? 0) < 0) this.#reading = false;
    else this.#giveBack();
  }

  /** The client may send as much again. */
  #giveBack(): void {
    if (this.#unread > 0) this.#put(ORDER.used, uint32(this.#unread));
    this.#unread = 0;
  }
}
