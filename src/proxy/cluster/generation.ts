/** One configuration in force: the Plan in memory that workers map, and everything that they inherit with it. */
import { closeSync } from 'node:fs';
import type { Addon } from '../../fstack-binding/index.ts';
import { encodeCbor } from '../plan/cbor.ts';
import type { FdPlan } from '../plan/plan.ts';
import { descriptorTable, LogFiles, Zones } from './descriptors.ts';
import { ErrorLog, fileSink, type Log } from './error-log.ts';
import { DEFAULT_BACKLOG, type ListenSocket, ListenSockets } from './listen-sockets.ts';
import type { ClusterConfiguration, ProcessSettings } from './settings.ts';
import { openTempFolders } from './temp-folders.ts';
import type { WorkerSettings } from './worker-settings.ts';

export class Generation {
  readonly process: ProcessSettings;
  readonly sockets: readonly ListenSocket[];
  readonly logs: LogFiles;
  /** The main level's error log. */
  readonly errorLog: ErrorLog;
  /** The descriptor of the first file among its sinks, for what the runtime itself prints. */
  readonly errorLogFile: number | undefined;
  readonly zones: Zones;
  readonly #fds: readonly FdPlan[];
  readonly #mainLog: WorkerSettings['errorLog'];
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
    addon: Addon,
    log: Log,
  ) {
    const { plan, listen } = configuration;
    this.process = configuration.process;
    this.#fds = plan.fds;
    this.#unheard = plan.listeners.flatMap(({ fd }, i) => {
      const { userSpace, backlog = DEFAULT_BACKLOG } = listen[i] ?? {};
      return userSpace ? [{ fd, backlog }] : [];
    });
    this.#mainLog = (plan.errorLogs[plan.process.errorLog] ?? []).flatMap(({ fd, level }) =>
      fd === undefined ? [] : [{ fd, level }],
    );

    openTempFolders(configuration.tempFolders, this.process.user.uid, addon, log);
    this.logs = new LogFiles(plan.fds, addon, log);
    this.zones = new Zones(plan.fds, previous?.zones, addon);
    try {
      this.sockets = new ListenSockets(addon, log).open(configuration.listen, previous?.sockets ?? inherited);
    } catch (error) {
      this.logs.close();
      this.zones.closeUnused(previous?.zones);
      throw error;
    }
    this.#planFd = addon.sealedMemory('sluice plan', encodeCbor(plan));

    const table = this.#table();
    const sinks = this.#mainLog.map(({ fd, level }) => ({ fd: table[fd] ?? 2, level }));
    this.errorLog = new ErrorLog(sinks.map(({ fd, level }) => fileSink(fd, level)));
    this.errorLogFile = sinks.find(({ fd }) => fd > 2)?.fd;
  }

  /** What a worker gets from descriptor 3 on. */
  descriptors(): number[] {
    return [this.#planFd, ...this.#table()];
  }

  /** `kernelOnly` for a worker whose last ones crashed on the stack in user space. */
  workerSettings(worker: number, kernelOnly: boolean): WorkerSettings {
    const {
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
      ...(process.geteuid?.() === 0 && { user }),
      ...(cpus && { cpus }),
      ...(workerRlimitNofile !== undefined && { rlimitNofile: workerRlimitNofile }),
      ...(workerRlimitCore !== undefined && { rlimitCore: workerRlimitCore }),
      ...(workerPriority !== undefined && { priority: workerPriority }),
      ...(workingDirectory !== undefined && { workingDirectory }),
      ...(stack && !kernelOnly && { stack }),
      ...(stack && { unheard: this.#unheard }),
    };
  }

  /** Lets go of all that `kept`, the generation that stays in force, doesn't share. Files of unix sockets go with their sockets. */
  retire(kept: Generation, addon: Addon): void {
    new ListenSockets(addon, kept.errorLog).closeUnused(this.sockets, kept.sockets);
    this.zones.closeUnused(kept.zones);
    this.logs.close();
    closeSync(this.#planFd);
  }

  #table(): number[] {
    return descriptorTable(this.#fds, this.logs, this.zones, this.sockets);
  }
}
