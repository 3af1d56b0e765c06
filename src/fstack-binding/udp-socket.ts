/** A UDP socket in user space. */
import { EventEmitter } from 'node:events';
import { isIPv6 } from 'node:net';
import type { SocketAddress, SocketNews } from './addon.ts';
import { socketAddress } from './socket-address.ts';
import type { SocketTable } from './socket-table.ts';

export interface BindOptions {
  /** One of F-Stack's, or all of a family: `0.0.0.0` (the default), `::`. */
  readonly address?: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Bytes of datagrams, some 200 added for each, that may wait to be read; what comes then is dropped. Default 1 MiB. */
  readonly receiveQueue?: number;
}

/** Of a datagram's payload, with the headers of IPv4 and UDP. */
const MAX_DATAGRAM = 65_507;

/** Emits 'message' for each datagram, with where it came from, and 'close'. */
export class UdpSocket extends EventEmitter<{
  message: [bytes: Buffer, from: SocketAddress];
  close: [];
}> {
  readonly address: string;
  readonly port: number;
  readonly #table: SocketTable;
  readonly #socket: number;
  #dropped = 0;
  #closed = false;

  /** For a stack: others get theirs from one. */
  constructor(table: SocketTable, socket: number, { address, port }: SocketAddress) {
    super();
    this.#table = table;
    this.#socket = socket;
    this.address = address;
    this.port = port;
    table.adopt(socket, { hear: (news) => this.#hear(news), abandon: () => this.close() });
  }

  /** Datagrams that came while the receive queue was full. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Sends a datagram of 1 to 65507 bytes, in fragments where the path wants it; of more than
   * `net.inet.udp.maxdgram` (9216) only where F-Stack's configuration allows. As with UDP anywhere nothing says whether
   * it arrives; what F-Stack wouldn't send is counted (`datagramsRefused`).
   */
  send(bytes: Uint8Array | string, to: SocketAddress): void {
    if (this.#closed) throw new Error('the socket is closed');
    const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes;
    if (content.length < 1 || content.length > MAX_DATAGRAM)
      throw new RangeError(`a datagram has 1 to ${MAX_DATAGRAM} bytes, and not ${content.length}`);
    const { address, port } = socketAddress(to);
    if (isIPv6(address) !== isIPv6(this.address))
      throw new TypeError(`"${address}" is of another family than the socket's "${this.address}"`);
    this.#table.sockets.send(this.#socket, content, { address, port });
  }

  /** Frees the port. What was sent before still leaves. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#table.close(this.#socket);
    process.nextTick(() => this.emit('close'));
  }

  #hear(news: SocketNews): void {
    if (news.kind === 'datagram') this.emit('message', news.bytes, news.remote);
    else if (news.kind === 'dropped') this.#dropped += news.value;
  }
}
