/** One configuration in force: the Plan in memory that workers map, and everything that they inherit with it. */
import { closeSync } from 'node:fs';
import type { Addon } from '../../fstack-binding/addon.ts';
import { PacketRouting, type QuicSockets } from '../../quic/packet-routing.ts';
import type { ReuseportGroups } from '../../quic/reuseport-groups.ts';
import { encodeCbor } from '../plan/cbor.ts';
import type { ErrorLogPlan, FdPlan, ListenerPlan, Plan } from '../plan/plan.ts';
import { CertificateWatch } from './certificate-watch.ts';
import { descriptorTable, LogFiles, Zones } from './descriptors.ts';
import { ErrorLog, type Log, sinksOf } from './error-log.ts';
import { DEFAULT_BACKLOG, ListenError, type ListenSocket, ListenSockets } from './listen-sockets.ts';
import type { ClusterConfiguration, ProcessSettings } from './settings.ts';
import { systemErrorText } from './system-error.ts';
import { openTempFolders } from './temp-folders.ts';
import type { WorkerSettings } from './worker-settings.ts';

const STDERR = 2;

export class Generation {
  /** With QUIC, workers that are started beside those that drain need a generation of their own. */
  readonly renewable: ClusterConfiguration | undefined;
  readonly process: ProcessSettings;
  readonly sockets: readonly ListenSocket[];
  readonly logs: LogFiles;
  /** The main level's error log. */
  readonly errorLog: ErrorLog;
  /** The descriptor of the first file among its sinks, for what the runtime itself prints. */
  readonly errorLogFile: number | undefined;
  readonly zones: Zones;
  /** Where something listens for QUIC. */
  readonly routing: PacketRouting | undefined;
  /** Where a server has its certificates watched. */
  readonly certificates: CertificateWatch | undefined;
  readonly #fds: readonly FdPlan[];
  readonly #mainLog: ErrorLogPlan;
  readonly #sharesSessions: boolean;
  readonly #servesWebTransport: boolean;
  readonly #planFd: number;
  readonly #unheard: NonNullable<WorkerSettings['unheard']>;

  /**
   * Opens what the configuration names, and takes over from `previous` what both have. Problems go to `log`.
   * Throws with nothing left open that wasn't before.
   */
  constructor(
    configuration: ClusterConfiguration,
    previous: Generation | undefined,
    inherited: readonly ListenSocket[],
    groups: ReuseportGroups,
    addon: Addon,
    log: Log,
  ) {
    const { plan } = configuration;
    this.renewable = configuration.quic && configuration;
    this.process = configuration.process;
    this.#fds = plan.fds;
    this.#sharesSessions = sharesSessions(plan);
    this.#servesWebTransport = plan.http?.main.http_webtransport !== undefined;
    this.#unheard = plan.listeners.flatMap(({ fd }, i) => {
      const { userSpace, transport, backlog = DEFAULT_BACKLOG } = configuration.listen[i] ?? {};
      return userSpace && transport === 'stream' ? [{ fd, backlog }] : [];
    });
    this.#mainLog = plan.errorLogs[plan.process.errorLog] ?? [];

    openTempFolders(configuration.tempFolders, this.process.user.uid, addon, log);
    this.logs = new LogFiles(plan.fds, addon, log);
    this.zones = new Zones(plan.fds, previous?.zones, addon);
    try {
      this.routing = openRouting(configuration, groups, addon, log);
      const listen = configuration.listen.map((settings, i) =>
        this.routing?.ownSockets && plan.listeners[i]?.datagram ? { ...settings, renewed: true } : settings,
      );
      this.sockets = new ListenSockets(addon, log).open(listen, previous?.sockets ?? inherited);
    } catch (error) {
      this.logs.close();
      this.zones.closeUnused(previous?.zones);
      this.routing?.retire();
      throw error;
    }
    this.routing?.steer(quicSockets(plan.listeners, this.sockets), log);
    const process = { ...plan.process, ...(this.routing && { quic: this.routing.plan }) };
    this.#planFd = addon.sealedMemory('sluice plan', encodeCbor({ ...plan, process }));

    const table = this.#table();
    this.errorLog = new ErrorLog(sinksOf(this.#mainLog, table, addon));
    this.certificates = CertificateWatch.of(plan, addon, this.errorLog);
    this.errorLogFile = this.#mainLog
      .map(({ fd }) => (fd === undefined ? STDERR : table[fd]))
      .find((fd) => fd !== undefined && fd > STDERR);
  }

  /** What a worker gets from descriptor 3 on. */
  descriptors(): number[] {
    return [this.#planFd, ...this.#table()];
  }

  /** `kernelOnly` for a worker whose last ones crashed on the stack in user space. */
  workerSettings(worker: number, kernelOnly: boolean): WorkerSettings {
    const {
      masterProcess,
      user,
      workerCpuAffinity,
      workerRlimitNofile,
      workerRlimitCore,
      workerPriority,
      workingDirectory,
      stack,
    } = this.process;
    const cpus = workerCpuAffinity?.[worker] ?? workerCpuAffinity?.at(-1);
    return {
      worker,
      workers: this.process.workerProcesses,
      fds: this.#fds,
      errorLog: this.#mainLog,
      sharesSessions: this.#sharesSessions,
      servesWebTransport: this.#servesWebTransport,
      ...(masterProcess && process.geteuid?.() === 0 && { user }),
      ...(cpus && { cpus }),
      ...(workerRlimitNofile !== undefined && { rlimitNofile: workerRlimitNofile }),
      ...(workerRlimitCore !== undefined && { rlimitCore: workerRlimitCore }),
      ...(workerPriority !== undefined && { priority: workerPriority }),
      ...(workingDirectory !== undefined && { workingDirectory }),
      ...(this.certificates && { watchesCertificates: true }),
      ...(stack && !kernelOnly && { stack }),
      ...(stack && { unheard: this.#unheard }),
    };
  }

  /** Its workers, all of which are on F-Stack, have taken over from those of `previous`. */
  leaveKernel(previous: Generation, addon: Addon): void {
    new ListenSockets(addon, this.errorLog).leaveToUserSpace(previous.sockets, this.sockets);
  }

  /** Lets go of all that `kept`, the generation that stays in force, doesn't share. Files of unix sockets go with their sockets. */
  retire(kept: Generation, addon: Addon): void {
    new ListenSockets(addon, kept.errorLog).closeUnused(this.sockets, kept.sockets);
    this.zones.closeUnused(kept.zones);
    this.logs.close();
    this.routing?.retire();
    this.certificates?.stop();
    closeSync(this.#planFd);
  }

  #table(): number[] {
    return descriptorTable(this.#fds, this.logs, this.zones, this.sockets, this.routing?.relays ?? []);
  }
}

function openRouting(
  { plan, quic }: ClusterConfiguration,
  groups: ReuseportGroups,
  addon: Addon,
  log: Log,
): PacketRouting | undefined {
  if (!plan.process.quic) return undefined;
  const addresses = plan.listeners.filter(({ datagram }) => datagram).map(({ address }) => address);
  const bpf = quic?.bpf !== false && canSteer(addresses, quic?.bpf === true, groups, addon, log);
  return new PacketRouting(plan.process.quic, bpf, groups, addon);
}

/** Whether bpf() is allowed; throws where the configuration insists. */
function canSteer(
  addresses: readonly string[],
  required: boolean,
  groups: ReuseportGroups,
  addon: Addon,
  log: Log,
): boolean {
  try {
    for (const address of addresses) groups.of(address);
    return true;
  } catch (error) {
    const reason = `bpf() failed ${systemErrorText(addon, error)}`;
    if (required) {
      log.write('emerg', `${reason}, and "quic_bpf" is on`);
      throw new ListenError(reason, { cause: error });
    }
    log.write('notice', `${reason}, QUIC packets are routed by classic BPF and between workers`);
    return false;
  }
}

function quicSockets(listeners: readonly ListenerPlan[], sockets: readonly ListenSocket[]): QuicSockets[] {
  const fds = new Map<string, number[]>();
  for (const [i, { address, datagram }] of listeners.entries()) {
    const socket = sockets[i];
    if (datagram && socket) fds.set(address, [...(fds.get(address) ?? []), socket.fd]);
  }
  return [...fds].map(([address, each]) => ({ address, fds: each }));
}

/** What the TLS modules leave in the Plan of their stores: see modules/ssl-session-store.ts. */
function sharesSessions({ http }: Plan): boolean {
  const ssl = http?.main.http_ssl;
  return (
    typeof ssl === 'object' &&
    ssl !== null &&
    'sessionStores' in ssl &&
    Array.isArray(ssl.sessionStores) &&
    ssl.sessionStores.length > 0
  );
}
