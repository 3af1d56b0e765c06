/** A TCP connection in user space. */
import { isIPv6 } from 'node:net';
import { Duplex } from 'node:stream';
import type { SocketNews } from './addon.ts';
import { socketError } from './error.ts';
import type { SocketEnds, SocketTable } from './socket-table.ts';

/** How connections behave, those that come and those that are opened. */
export interface ConnectionOptions {
  /**
   * Bytes, either way: so many that nobody reads stop the peer, so many that the peer doesn't take make `write()` return
   * false. On the way in as many again may wait on F-Stack's thread. Default 65536.
   */
  readonly highWaterMark?: number;
  /** Whether writing goes on when the peer has finished; else `end()` is called then. Default false, as of `node:net`. */
  readonly allowHalfOpen?: boolean;
  /** Small writes leave at once (TCP_NODELAY). Default true. */
  readonly noDelay?: boolean;
  /** Seconds without a byte before the peer is probed; 0: never. Default 0. */
  readonly keepAlive?: number;
  /** Milliseconds without a byte either way after which the connection is reset, with ETIMEDOUT; 0: any time. Default 0. */
  readonly idleTimeout?: number;
}

export const DEFAULT_HIGH_WATER_MARK = 64 * 1024;

/**
 * A stream like `net.Socket`. What goes wrong is an 'error' with a code of Node's: ECONNRESET, ETIMEDOUT, EPIPE.
 * `destroy()` drops what was written and not sent yet; `end()` doesn't.
 */
export class TcpConnection extends Duplex {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily: 'IPv4' | 'IPv6';
  readonly localAddress: string;
  readonly localPort: number;

  readonly #table: SocketTable;
  readonly #socket: number;
  #bytesRead = 0;
  #bytesWritten = 0;
  /** Written, and not F-Stack's yet. */
  #unsent = 0;
  /** Read from F-Stack, and nobody has asked for more since. */
  #unread = 0;
  #afterWrite: (() => void) | undefined;
  #afterAll: (() => void) | undefined;
  #reset = false;

  /** For a stack: others get theirs from one. */
  constructor(table: SocketTable, socket: number, { local, remote }: SocketEnds, options: ConnectionOptions) {
    const { allowHalfOpen = false, highWaterMark = DEFAULT_HIGH_WATER_MARK } = options;
    super({ allowHalfOpen, highWaterMark });
    this.#table = table;
    this.#socket = socket;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
    this.remoteFamily = isIPv6(remote.address) ? 'IPv6' : 'IPv4';
    this.localAddress = local.address;
    this.localPort = local.port;
    table.adopt(socket, { hear: (news) => this.#hear(news), abandon: () => this.destroy() });
  }

  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Those that F-Stack has taken. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** Closes with RST, which tells the peer that something went wrong. */
  resetAndDestroy(): this {
    this.#reset = true;
    return this.destroy();
  }

  override _read(): void {
    if (this.#unread === 0) return;
    this.#table.sockets.consumed(this.#socket, this.#unread);
    this.#unread = 0;
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#table.sockets.write(this.#socket, bytes);
    this.#unsent += bytes.length;
    if (this.#unsent < this.writableHighWaterMark) done();
    else this.#afterWrite = done;
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'buffer' as BufferEncoding, done);
  }

  override _final(done: () => void): void {
    this.#table.sockets.finish(this.#socket);
    if (this.#unsent === 0) done();
    else this.#afterAll = done;
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#table.close(this.#socket, this.#reset ? 'reset' : 'close');
    done(error);
  }

  #hear(news: SocketNews): void {
    switch (news.kind) {
      case 'data':
        this.#bytesRead += news.bytes.length;
        if (this.push(news.bytes)) this.#table.sockets.consumed(this.#socket, news.bytes.length);
        else this.#unread += news.bytes.length;
        return;
      case 'sent':
        this.#sent(news.value);
        return;
      case 'end':
        this.push(null);
        return;
      case 'failed':
        this.destroy(socketError(news.value, 'read', { address: this.remoteAddress, port: this.remotePort }));
    }
  }

  #sent(count: number): void {
    this.#unsent -= count;
    this.#bytesWritten += count;
    if (this.#afterWrite && this.#unsent < this.writableHighWaterMark) {
      const done = this.#afterWrite;
      this.#afterWrite = undefined;
      done();
    }
    if (this.#unsent === 0) this.#afterAll?.();
  }
}
