/** F-Stack for a program of its own: raw TCP and UDP in user space. */
import { readFileSync } from 'node:fs';
import { loadAddon, type SocketOptions, type SocketTotals } from './addon.ts';
import { checkIni, lcoresOf } from './check-ini.ts';
import { FstackError } from './error.ts';
import type { Terms } from './failure.ts';
import { describeFstack, fstackLibrary, startFstack, tidyUpAfter } from './fstack.ts';
import { Ini } from './ini.ts';
import { socketAddress } from './socket-address.ts';
import { SocketTable } from './socket-table.ts';
import { type ConnectionOptions, DEFAULT_HIGH_WATER_MARK, TcpConnection } from './tcp-connection.ts';
import { type ListenOptions, TcpListener } from './tcp-listener.ts';
import { type BindOptions, UdpSocket } from './udp-socket.ts';

export interface StartOptions {
  /** Path of F-Stack's configuration; docs/fstack.md, and conf/f-stack.conf as an example. */
  readonly conf: string;
  /** DPDK's virtual devices, in its words: `net_af_packet0,iface=eth1`. DPDK then leaves the machine's own NICs alone. */
  readonly devices?: readonly string[];
  /** The CPU that F-Stack's thread keeps to. Default: the one of the configuration's `lcore_mask`. */
  readonly lcore?: number;
  /** Whether to go without hugepages where none are free. Default false. */
  readonly noHuge?: boolean;
  /** Microseconds that a turn without work waits, for the CPU's sake, up to 5000; 0: never. Default: `idle_sleep` of the configuration. */
  readonly idleSleep?: number;
}

export interface ConnectOptions extends ConnectionOptions {
  /** Numeric. Loopback is the kernel's, not F-Stack's. */
  readonly address: string;
  readonly port: number;
  /** Milliseconds, after which it is ETIMEDOUT. Default 10000. */
  readonly connectTimeout?: number;
}

const TERMS: Terms = {
  noHuge: '"noHuge"',
  device: '"devices"',
  ini: 'the file that "conf" names',
  starter: 'the process',
};

const MAX_IDLE_SLEEP_US = 5000;
const DEFAULT_BACKLOG = 511;
const DEFAULT_MAX_CONNECTIONS = 10_000;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_RECEIVE_QUEUE = 1024 * 1024;

/**
 * A TCP/IP stack in user space. It has a thread of its own, on which F-Stack's loop runs; bytes and events go between that
 * and Node's thread in batches. As long as it is open the process goes on.
 */
export class Fstack {
  readonly #table: SocketTable;

  private constructor(table: SocketTable) {
    this.#table = table;
  }

  /**
   * Starts it, as root, and once per process. It takes a second or two, in which Node's thread waits, for what F-Stack prints
   * meanwhile is kept from stdout. Rejects with a FstackError.
   */
  static async start(options: StartOptions): Promise<Fstack> {
    const addon = loadAddon();
    const library = fstackLibrary();
    const description = describeFstack(() => addon, library);
    if ('missing' in description) {
      const remedy = 'build it again where F-Stack and DPDK are (docs/fstack.md)';
      throw new FstackError('ERR_FSTACK_MISSING', `${description.missing}: ${remedy}`);
    }
    const { devices = [], noHuge = false, idleSleep } = options;
    if (idleSleep !== undefined && !(idleSleep >= 0 && idleSleep <= MAX_IDLE_SLEEP_US))
      throw new RangeError(`idleSleep ${idleSleep} is not between 0 and ${MAX_IDLE_SLEEP_US}`);
    const settings = { library, ini: readIni(options), devices, noHuge, worker: 0, workers: 1 };
    const failure = startOnce(() =>
      startFstack(addon, idleSleep === undefined ? settings : { ...settings, idleSleep }, TERMS),
    );
    if (failure)
      throw new FstackError(
        'ERR_FSTACK_START',
        `F-Stack did not start: ${failure.reason}; ${failure.remedy}`,
      );
    const table = new SocketTable(addon);
    process.once('exit', () => {
      table.sockets.halt();
      tidyUpAfter(settings, { ours: true });
    });
    return new Fstack(table);
  }

  /** Resolves when it listens; rejects with EADDRINUSE, EADDRNOTAVAIL … `onConnection` is called with each connection that comes. */
  async listenTcp(
    options: ListenOptions,
    onConnection: (connection: TcpConnection) => void,
  ): Promise<TcpListener> {
    const address = socketAddress({ address: options.address ?? '0.0.0.0', port: options.port });
    const all = {
      ...connectionOptions(options),
      backlog: positive('backlog', options.backlog ?? DEFAULT_BACKLOG),
      maxConnections: positive('maxConnections', options.maxConnections ?? DEFAULT_MAX_CONNECTIONS),
    };
    return await this.#table.open(
      'listen',
      address,
      all,
      (socket, { local }) => new TcpListener(this.#table, socket, local, options, onConnection),
    );
  }

  /** Resolves when it is connected; rejects with ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH … */
  async connectTcp(options: ConnectOptions): Promise<TcpConnection> {
    const connectTimeout = positive('connectTimeout', options.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT_MS);
    return await this.#table.open(
      'connect',
      socketAddress(options),
      { ...connectionOptions(options), connectTimeout },
      (socket, ends) => new TcpConnection(this.#table, socket, ends, options),
    );
  }

  /** Resolves when it is bound: datagrams come after that. */
  async bindUdp(options: BindOptions): Promise<UdpSocket> {
    const address = socketAddress({ address: options.address ?? '0.0.0.0', port: options.port });
    const window = positive('receiveQueue', options.receiveQueue ?? DEFAULT_RECEIVE_QUEUE);
    return await this.#table.open(
      'bind',
      address,
      { ...NO_OPTIONS, window },
      (socket, { local }) => new UdpSocket(this.#table, socket, local),
    );
  }

  /** Counts since the start. */
  stats(): SocketTotals {
    this.#table.refuseIfClosed();
    return this.#table.sockets.totals();
  }

  /**
   * Destroys all sockets and ends F-Stack; resolves when it has gone. Who wants to finish what is open ends its connections
   * first. What F-Stack has taken of what was written still reaches the peers, for which it has 10 s.
   */
  async close(): Promise<void> {
    await this.#table.closeAll();
  }
}

const NO_OPTIONS: SocketOptions = {
  backlog: 0,
  maxConnections: 0,
  window: 0,
  idleTimeout: 0,
  connectTimeout: 0,
  noDelay: false,
  keepAlive: 0,
};

function connectionOptions({
  highWaterMark = DEFAULT_HIGH_WATER_MARK,
  noDelay = true,
  keepAlive = 0,
  idleTimeout = 0,
}: ConnectionOptions): SocketOptions {
  return {
    ...NO_OPTIONS,
    window: positive('highWaterMark', highWaterMark),
    noDelay,
    keepAlive: atLeast(0, 'keepAlive', keepAlive),
    idleTimeout: atLeast(0, 'idleTimeout', idleTimeout),
  };
}

function positive(name: string, value: number): number {
  return atLeast(1, name, value);
}

function atLeast(least: number, name: string, value: number): number {
  if (!Number.isInteger(value) || value < least || value > 2 ** 31)
    throw new RangeError(`${name} ${value} is not an integer from ${least} on`);
  return value;
}

function readIni({ conf, lcore, devices = [], noHuge = false }: StartOptions): Ini {
  const refuse = (message: string, line?: number): never => {
    throw new FstackError('ERR_FSTACK_CONFIGURATION', `${message} in ${conf}${line ? `:${line}` : ''}`);
  };
  const result = Ini.parse(readConfiguration(conf));
  if ('error' in result) return refuse(result.error, result.line);
  const mask =
    lcore === undefined ? {} : { lcore_mask: (1n << BigInt(atLeast(0, 'lcore', lcore))).toString(16) };
  const ini = result.ini.with('dpdk', mask);
  const own = ini.find('dpdk', 'lcore_mask');
  if ((lcoresOf(own?.value ?? '')?.length ?? 0) > 1)
    refuse(`a stack has one lcore, and "lcore_mask" names several: say which one by "lcore"`, own?.line);
  const [problem] = checkIni(ini, { workers: 1, noHuge, devices });
  return problem ? refuse(problem.message, problem.line) : ini;
}

function readConfiguration(conf: string): string {
  try {
    return readFileSync(conf, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FstackError('ERR_FSTACK_CONFIGURATION', `F-Stack's configuration cannot be read: ${reason}`, {
      cause,
    });
  }
}

/** The process may have used up its one start, by another thread too. */
function startOnce<T>(start: () => T): T {
  try {
    return start();
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ERR_FSTACK_STARTED')) throw cause;
    const message = `${cause.message}, which can be once: another stack needs another process`;
    throw new FstackError('ERR_FSTACK_STARTED', message, { cause });
  }
}
