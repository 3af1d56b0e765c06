/** Takes TCP connections in user space. */
import type { SocketAddress, SocketNews } from './addon.ts';
import type { SocketTable } from './socket-table.ts';
import { type ConnectionOptions, TcpConnection } from './tcp-connection.ts';

export interface ListenOptions extends ConnectionOptions {
  /** One of F-Stack's (its configuration's), or all of a family: `0.0.0.0` (the default), `::`. */
  readonly address?: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Connections that may wait to be taken. Default 511. */
  readonly backlog?: number;
  /** Connections at a time; more wait in the backlog. Default 10000. */
  readonly maxConnections?: number;
}

export class TcpListener {
  readonly address: string;
  readonly port: number;
  readonly #table: SocketTable;
  readonly #socket: number;
  readonly #options: ConnectionOptions;
  readonly #onConnection: (connection: TcpConnection) => void;

  /** For a stack: others get theirs from one. */
  constructor(
    table: SocketTable,
    socket: number,
    { address, port }: SocketAddress,
    options: ConnectionOptions,
    onConnection: (connection: TcpConnection) => void,
  ) {
    this.#table = table;
    this.#socket = socket;
    this.address = address;
    this.port = port;
    this.#options = options;
    this.#onConnection = onConnection;
    table.adopt(socket, { hear: (news) => this.#hear(news), abandon: () => undefined });
  }

  /** Takes no more connections. Those that are there go on. */
  close(): void {
    this.#table.close(this.#socket);
  }

  #hear(news: SocketNews): void {
    if (news.kind !== 'accepted') return;
    this.#onConnection(new TcpConnection(this.#table, news.socket, news, this.#options));
  }
}
