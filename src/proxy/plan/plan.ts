/**
 * The Plan: everything that the data plane needs to know, decided when the configuration was read.
 * It is the one contract between src/ and native/; native/proxy/plan.{h,cc} is its reader.
 * Times are milliseconds, sizes are bytes, unless a name says otherwise. `undefined` members are left out on the wire.
 */
import type { HttpPlan } from './http.ts';
import type { TlsClientPlan, UpstreamPlan } from './upstream.ts';

/** A position in one of the Plan's tables. */
export type Index = number;

/**
 * Text with variables. A plain string has none; otherwise the items are literal text or an integer:
 * `n >= 0` stands for the variable in slot n, `n < 0` for capture number `-n - 1` of the last matched expression.
 */
export type Template = string | readonly (string | number)[];

/** Bytes per value, e.g. a decoded file; CBOR byte string. */
export type Bytes = Uint8Array;

export interface Plan {
  readonly process: ProcessPlan;
  /** What each inherited descriptor is; the first one is fd 4 (fd 3 is this Plan). */
  readonly fds: readonly FdPlan[];
  /** Sinks of error log lines. `errorLogs` lists that say the same share a position. */
  readonly errorLogs: readonly ErrorLogPlan[];
  /** Variable names by slot; the getters are native, looked up once at load. */
  readonly variables: readonly VariablePlan[];
  readonly regexes: readonly RegexPlan[];
  readonly upstreams: readonly UpstreamPlan[];
  readonly tlsClients: readonly TlsClientPlan[];
  readonly listeners: readonly ListenerPlan[];
  readonly http?: HttpPlan;
}

/** What the data thread needs of the main and events contexts. */
export interface ProcessPlan {
  readonly workerConnections: number;
  /** 0: no limit. */
  readonly workerShutdownTimeout: number;
  /** The main level's error log, for what no server is to blame for. */
  readonly errorLog: Index;
  /** The zone that workers' counters are summed in: position in `fds`. */
  readonly counters: Index;
  /** nginx's version as it goes over the wire: `nginx/1.31.5`. */
  readonly version: string;
  readonly prefix: string;
  readonly timerResolution?: number;
  /** Where something listens for QUIC. */
  readonly quic?: QuicPlan;
}

/** How packets find their process (native/quic/connection_id.h, relay.h), and what keys are derived from. */
export interface QuicPlan {
  /** What tokens and stateless resets are derived from where no `quic_host_key` says. */
  readonly seed: Bytes;
  /** Connection IDs are made by the first one; none: no load balancer knows this host. */
  readonly configurations: readonly QuicConfigurationPlan[];
  /** The mask over the process that a connection ID names: 8 bytes. */
  readonly processKey: Bytes;
  /** Tells the workers of this configuration from others that live: 12 bits. */
  readonly generation: number;
  /** Workers of other generations have sockets of their own. */
  readonly ownSockets: boolean;
  /** Names the unix sockets of all processes, before worker and generation. */
  readonly relayName: string;
  readonly relayKey: Bytes;
  /** Positions in `fds`, by worker. */
  readonly relays: readonly Index[];
  /** Position in `fds` of the socket for other hosts' packets. */
  readonly peersSocket?: Index;
  readonly peers?: readonly QuicPeerPlan[];
}

export interface QuicConfigurationPlan {
  readonly rotation: number;
  readonly hostId: Bytes;
  readonly nonceSize: number;
  readonly key?: Bytes;
  /** What hosts prove to each other that they know. */
  readonly peerKey?: Bytes;
}

export interface QuicPeerPlan {
  readonly hostId: Bytes;
  /** IP address and port. */
  readonly address: string;
}

export type FdPlan =
  | { readonly kind: 'listen'; readonly listener: Index }
  /** Where a worker gets QUIC packets that others have received. */
  | { readonly kind: 'relay'; readonly worker: number }
  /** `owner`: the module that lays it out. */
  | { readonly kind: 'zone'; readonly name: string; readonly size: number; readonly owner: string }
  /** Opened for appending by the master; a worker opens `path` again on SIGUSR1. */
  | { readonly kind: 'log'; readonly path: string }
  | { readonly kind: 'stderr' };

export type LogLevel = 'emerg' | 'alert' | 'crit' | 'error' | 'warn' | 'notice' | 'info' | 'debug';

/** Every sink whose level admits a line gets it. */
export type ErrorLogPlan = readonly ErrorLogSink[];

export interface ErrorLogSink {
  readonly level: LogLevel;
  /** Position in `fds` of a log or stderr. */
  readonly fd?: Index;
  readonly syslog?: SyslogPlan;
}

export interface SyslogPlan {
  /** `host:port`, or `unix:/path`. */
  readonly server: string;
  readonly facility: number;
  readonly severity: number;
  readonly tag: string;
  readonly hostname?: string;
}

export interface VariablePlan {
  readonly name: string;
  /** Never cached between two uses (nginx's NOCACHEABLE, and `map … volatile`). */
  readonly volatile?: boolean;
}

export interface RegexPlan {
  readonly pattern: string;
  readonly caseless?: boolean;
  /** `[capture number, variable slot]` of each named capture: matching sets the variable. */
  readonly names?: readonly (readonly [number, number])[];
}

/** One bound address. With `reuseport` there is one per worker: `worker` says whose. */
export interface ListenerPlan {
  /** Position in `fds`. */
  readonly fd: Index;
  /** As nginx prints it: `0.0.0.0:80`, `[::]:80`, `unix:/path`. */
  readonly address: string;
  readonly worker?: number;
  /** A worker on F-Stack opens this socket of its own; absent: the kernel's serves on either. */
  readonly userSpace?: UserSpaceSocketPlan;
  /** UDP, for QUIC. */
  readonly datagram?: boolean;
  /** A listening socket on a wildcard serves several `listen` addresses: chosen by the connection's local address. */
  readonly addresses: readonly ListenAddressPlan[];
}

/** Sizes are bytes, times seconds; 0: the stack's default. */
export interface UserSpaceSocketPlan {
  readonly backlog: number;
  readonly ipv6only: boolean;
  readonly rcvbuf?: number;
  readonly sndbuf?: number;
  readonly keepalive?: {
    readonly on: boolean;
    readonly idle?: number;
    readonly interval?: number;
    readonly count?: number;
  };
}

export interface ListenAddressPlan {
  /** The local address it is for; absent: any. */
  readonly address?: string;
  readonly proxyProtocol?: boolean;
  readonly tls?: boolean;
  readonly http2?: boolean;
  readonly http: VirtualServersPlan;
}

/** Which server answers for a name, nginx's order: exact, `*.suffix`, `prefix.*`, expressions, default. */
export interface VirtualServersPlan {
  readonly default: Index;
  /** Lower-case name → server. */
  readonly exact: readonly (readonly [string, Index])[];
  /** `.example.com` stands for `*.example.com`; the longest wins. */
  readonly suffix: readonly (readonly [string, Index])[];
  /** `www.example.` stands for `www.example.*`; the longest wins. */
  readonly prefix: readonly (readonly [string, Index])[];
  /** In order of appearance. */
  readonly regex: readonly (readonly [Index, Index])[];
}
