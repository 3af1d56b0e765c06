/** What the master and the workers as processes need of a configuration; the data plane's part is the Plan. */
import type { Plan } from '../plan/plan.ts';

/** A configuration as conf/load.ts hands it to the master. */
export interface ClusterConfiguration {
  readonly plan: Plan;
  readonly process: ProcessSettings;
  /** How to open each of `plan.listeners`, by the same position. */
  readonly listen: readonly ListenSettings[];
  /** Folders for temporary files; the workers' user must own them. */
  readonly tempFolders: readonly string[];
  /** Where something listens for QUIC. */
  readonly quic?: QuicKernelSettings;
}

/** The main context, resolved: paths are absolute, names are looked up. */
export interface ProcessSettings {
  readonly daemon: boolean;
  readonly masterProcess: boolean;
  readonly pid: string;
  /** Whom workers become when the master is root; also the owner of log files that are opened again. */
  readonly user: UserSettings;
  readonly workerProcesses: number;
  /** CPU numbers of each worker; the last entry also stands for the workers that follow. Absent: no affinity. */
  readonly workerCpuAffinity?: readonly (readonly number[])[];
  readonly workerRlimitNofile?: number;
  /** Bytes. */
  readonly workerRlimitCore?: number;
  /** -20 to 20, see setpriority(2). */
  readonly workerPriority?: number;
  readonly workingDirectory?: string;
  /** The network stack in user space that workers are to come up on; absent: the kernel's. */
  readonly stack?: WorkerStackSettings;
  /** Arguments of the `env` directives: `NAME`, taken over from the master, or `NAME=value`. */
  readonly env: readonly string[];
}

/** F-Stack as the configuration wants it. */
export interface WorkerStackSettings {
  /** What links it. */
  readonly library: string;
  /** Its configuration file, and what stands in it. */
  readonly name: string;
  readonly ini: string;
  /** Those it will answer on. */
  readonly addresses: readonly string[];
  /** Workers end rather than serve on the kernel. */
  readonly required: boolean;
  /** DPDK's virtual devices. */
  readonly devices: readonly string[];
  /** Each worker has the device for itself: those of a reload can be there beside those that drain. */
  readonly exclusive: boolean;
  /** May do without hugepages. */
  readonly noHuge: boolean;
  /** Microseconds; absent: as the ini says. */
  readonly idleSleep?: number;
}

export interface QuicKernelSettings {
  /** `quic_bpf`; undefined: where bpf() is allowed. */
  readonly bpf: boolean | undefined;
}

export interface UserSettings {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** The options of a `listen`: https://nginx.org/en/docs/http/ngx_http_core_module.html#listen */
export interface ListenSettings {
  /** `127.0.0.1:80`, `[::1]:80`, `unix:/path`: no names, the port is always there. */
  readonly address: string;
  readonly transport: 'stream' | 'datagram';
  /** A worker on F-Stack listens itself: the socket here is bound, and listens only for workers that come up without. */
  readonly userSpace?: boolean;
  /** Default 511, as nginx's on Linux. */
  readonly backlog?: number;
  readonly reuseport?: boolean;
  /** Each generation of workers opens its own. */
  readonly renewed?: boolean;
  readonly deferred?: boolean;
  /** Default true. */
  readonly ipv6only?: boolean;
  /** Length of the queue of connections that are not yet through the handshake. */
  readonly fastopen?: number;
  /** Bytes. */
  readonly rcvbuf?: number;
  readonly sndbuf?: number;
  readonly keepalive?: KeepaliveSettings;
  /** Multipath TCP. */
  readonly multipath?: boolean;
}

/** `so_keepalive`: seconds; what is absent is the system's default. */
export interface KeepaliveSettings {
  readonly on: boolean;
  readonly idle?: number;
  readonly interval?: number;
  readonly count?: number;
}
