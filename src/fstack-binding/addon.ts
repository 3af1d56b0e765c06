/** Loads the native addon; the typed face of the data plane and of the system calls that Node lacks. */
import { createRequire } from 'node:module';

/** Descriptors of BPF maps: native/quic/reuseport_group.h. */
export interface ReuseportGroup {
  readonly sockets: number;
  readonly owners: number;
}

/** What the kernel is told of connection IDs: native/quic/steering.h. */
export interface Steering {
  /** First octet and length of each kind. */
  readonly shapes: readonly (readonly [number, number])[];
  /** 8 bytes. */
  readonly processKey: Uint8Array;
}

export type SocketOption =
  | 'SO_REUSEADDR'
  | 'SO_REUSEPORT'
  | 'SO_RCVBUF'
  | 'SO_RCVBUFFORCE'
  | 'SO_SNDBUF'
  | 'SO_KEEPALIVE'
  | 'SO_TYPE'
  | 'SO_PROTOCOL'
  | 'IP_FREEBIND'
  | 'IPV6_V6ONLY'
  | 'TCP_KEEPIDLE'
  | 'TCP_KEEPINTVL'
  | 'TCP_KEEPCNT'
  | 'TCP_FASTOPEN'
  | 'TCP_DEFER_ACCEPT';

/** What PCRE2 says of a pattern; `offset` is where in the pattern the error lies, in bytes. */
export type RegexCheck =
  | { readonly captures: number; readonly names: readonly (readonly [number, string])[] }
  | { readonly error: string; readonly offset: number };

export interface DataPlaneOptions {
  /** The Plan's sealed memory. */
  readonly planFd: number;
  /** The descriptors of the Plan's `fds`, by position. */
  readonly descriptors: readonly number[];
  /** This worker's number, from 0. */
  readonly worker: number;
  /** The data thread asks; call `answer()` with the same id, now or later. */
  readonly onQuestion: (id: number, kind: string, payload: Buffer) => void;
  /** The data thread has drained or stopped. */
  readonly onEnd: () => void;
}

/** Where a socket is, or its peer. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/** What has become of a socket of startSockets(), by its number: native/sockets/messages.h. */
export type SocketNews = { readonly socket: number } & (
  | { readonly kind: 'opened'; readonly local: SocketAddress; readonly remote?: SocketAddress }
  /** `value`: the listener. */
  | {
      readonly kind: 'accepted';
      readonly value: number;
      readonly local: SocketAddress;
      readonly remote: SocketAddress;
    }
  | { readonly kind: 'data'; readonly bytes: Buffer }
  /** `value`: how many more bytes are F-Stack's to send. */
  | { readonly kind: 'sent'; readonly value: number }
  | { readonly kind: 'end' }
  | { readonly kind: 'datagram'; readonly bytes: Buffer; readonly remote: SocketAddress }
  /** `value`: how many more. */
  | { readonly kind: 'dropped'; readonly value: number }
  /** `value`: a positive errno. */
  | { readonly kind: 'failed'; readonly value: number }
);

/** 0: none, where that makes sense. */
export interface SocketOptions {
  readonly backlog: number;
  readonly maxConnections: number;
  /** Bytes. */
  readonly window: number;
  /** Milliseconds. */
  readonly idleTimeout: number;
  /** Milliseconds. */
  readonly connectTimeout: number;
  readonly noDelay: boolean;
  /** Seconds without a byte before the first probe. */
  readonly keepAlive: number;
}

/** Sockets have the numbers that the caller gives them, from 1 on; those of connections that come are negative. */
export interface Sockets {
  listen(socket: number, own: SocketAddress, options: SocketOptions): void;
  connect(socket: number, peer: SocketAddress, options: SocketOptions): void;
  bind(socket: number, own: SocketAddress, options: SocketOptions): void;
  write(socket: number, bytes: Uint8Array): void;
  send(socket: number, bytes: Uint8Array, peer: SocketAddress): void;
  /** So many of the bytes that were handed over have been read. */
  consumed(socket: number, count: number): void;
  finish(socket: number): void;
  close(socket: number): void;
  reset(socket: number): void;
  /** The last news have been taken: more may come. */
  taken(): void;
  /** Closes all of them; `onEnd` follows when the peers have what was written, or after 10 s. */
  stop(): void;
  /** Ends F-Stack's thread at once, and waits for it. To be called before the process ends. */
  halt(): void;
  totals(): SocketTotals;
}

/** Since the start, as of the last turn of F-Stack's loop. */
export interface SocketTotals {
  /** That are open, or being opened. */
  readonly connections: number;
  readonly accepted: number;
  /** accept() has failed. */
  readonly acceptFailures: number;
  /** Connections that were opened from here. */
  readonly connected: number;
  /** Of TCP's payload. */
  readonly bytesReceived: number;
  /** Of TCP's payload, handed to F-Stack. */
  readonly bytesSent: number;
  readonly datagramsReceived: number;
  /** Of those received, nobody was quick enough to read them. */
  readonly datagramsDropped: number;
  readonly datagramsSent: number;
  /** Of those sent, F-Stack would not have them: no route, or no room. */
  readonly datagramsRefused: number;
  /** Of the device, as the following ones. */
  readonly packetsReceived: number;
  readonly packetBytesReceived: number;
  readonly packetsSent: number;
  readonly packetBytesSent: number;
  readonly receiveDrops: number;
  readonly sendDrops: number;
  /** Of F-Stack's loop. */
  readonly turns: number;
  /** Turns that found nothing to do. */
  readonly idleTurns: number;
}

/** System calls throw an Error like Node's own: `errno` is negative, `syscall` is its name. Text is latin1: one character a byte. */
export interface Addon {
  /** A new descriptor, non-blocking, closed on exec. `address` as in `ListenSettings`; only its family counts here. */
  openSocket(address: string, transport: 'stream' | 'datagram', multipath: boolean): number;
  bindSocket(fd: number, address: string): void;
  listenSocket(fd: number, backlog: number): void;
  /** It stays bound, and can listen again. */
  stopListening(fd: number): void;
  setSocketOption(fd: number, option: SocketOption, value: number): void;

  /** The kernel's maps for QUIC sockets of one address. Throws where bpf() is refused. */
  createReuseportGroup(): ReuseportGroup;
  /** Has packets to the address that `socket` is bound to steered by the group, instead of anything before. */
  attachReuseportProgram(group: ReuseportGroup, socket: number, steering: Steering): void;
  /** Takes in a generation: bound sockets, by worker. Returns the slot of the first one. */
  addToReuseportGroup(group: ReuseportGroup, generation: number, sockets: readonly number[]): number;
  /** From now on new connections are for these slots. */
  preferInReuseportGroup(group: ReuseportGroup, first: number, count: number): void;
  /** Classic BPF instead: sockets by their position, which is their worker's number. */
  attachReuseportFilter(socket: number, steering: Steering, workers: number): void;
  socketOption(fd: number, option: SocketOption): number;
  /** The local address, or null for a family that a listener cannot have. */
  socketAddress(fd: number): string | null;

  /** A memory file that nobody can change any more. */
  sealedMemory(name: string, bytes: Uint8Array): number;
  /** A memory file of `size` zero bytes, for several processes to write into. */
  sharedMemory(name: string, size: number): number;
  /** Puts into the memory of an upstream's zone what is known in the one that it replaces. */
  takeOverUpstreams(former: number, zone: number): void;
  /** dup2; the target survives exec. */
  duplicateTo(fd: number, target: number): void;
  /** Makes an inherited descriptor non-blocking and closed on exec. */
  adoptDescriptor(fd: number): void;

  /** The C library's words for a positive errno, as nginx prints them. */
  systemErrorText(errno: number): string;
  /** The supplementary groups of a user, for a process about to become that user. */
  initGroups(user: string, gid: number): void;
  lookUpUser(name: string): { readonly uid: number; readonly gid: number } | null;
  lookUpGroup(name: string): number | null;
  /** Blocks. Numeric addresses without port, in the system's order; empty if there are none. */
  resolveHost(name: string): readonly string[];
  setResourceLimit(resource: 'nofile' | 'core', limit: number): void;
  openFilesLimit(): { readonly soft: number; readonly hard: number };
  /** Pins the calling thread, and threads that it starts from now on. */
  setAffinity(cpus: readonly number[]): void;
  /** To be called once the handlers stand: bin/sluice starts Node with SIGUSR1 blocked. */
  unblockSignals(): void;
  /** What `ps -C` and killall know the process by. */
  setProcessName(name: string): void;
  /** Makes a TLS context of CBOR settings (native/tls/settings.h) and drops it: what is wrong, or null. */
  checkTls(settings: Uint8Array): string | null;
  /** A process that changed its user leaves no core dump without this. */
  allowCoreDump(): void;

  /**
   * What sends a message of RFC 3164's severity, 0 (emergency) to 7 (debug), to `host:port` or `unix:/path`. It never
   * blocks: what the socket doesn't take is lost. Null when `server` is no address.
   */
  openSyslog(settings: {
    readonly server: string;
    readonly facility: number;
    readonly tag: string;
    readonly hostname?: string;
  }): ((severity: number, message: string) => void) | null;

  checkRegex(pattern: string, caseless: boolean): RegexCheck;

  /** What F-Stack and DPDK the library has; throws why it can't be loaded. */
  fstackDescription(library: string): string;
  /**
   * Starts F-Stack on a thread that waits to become the data thread; the process may change its user meanwhile.
   * Null when it runs, else what it has printed. Once per process. `startFstack()` of fstack.ts says what each is.
   */
  startFstack(options: {
    readonly library: string;
    readonly configuration: string;
    readonly process: number;
    readonly board: number;
    readonly shift: number;
    readonly worker: number;
    readonly exclusive: boolean;
    readonly addresses: readonly string[];
    readonly devices: readonly string[];
    readonly idleSleep: number;
  }): string | null;

  /** Sockets of the F-Stack that startFstack() has started, in place of a data plane's. Once per process. */
  startSockets(handlers: {
    readonly onNews: (news: readonly SocketNews[]) => void;
    readonly onEnd: () => void;
  }): Sockets;

  /** Returns when the listeners accept; throws what is wrong with the Plan. Once per process. */
  startDataPlane(options: DataPlaneOptions): void;
  /** Stops listening and finishes what is open; `onEnd` follows. */
  quit(): void;
  /** Ends at once; `onEnd` follows. */
  stop(): void;
  reopenLogs(): void;
  /** What the data thread has not asked for, e.g. new addresses of a name. */
  tell(topic: string, payload: Uint8Array): void;
  /** An empty payload says that the question failed. */
  answer(question: number, payload: Uint8Array): void;
}

/** SLUICE_ADDON names another build of the addon, for instance the sanitizers'. */
export function loadAddon(): Addon {
  const file =
    process.env.SLUICE_ADDON ?? new URL('../../build/Release/sluice.node', import.meta.url).pathname;
  try {
    return createRequire(import.meta.url)(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the native addon "${file}" cannot be loaded: ${reason}`, { cause });
  }
}
