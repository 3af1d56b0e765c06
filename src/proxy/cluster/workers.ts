/** The workers of one master: started, awaited, signalled, and started again when they die unasked. */

import { constants } from 'node:os';
import type { Crew } from '../../fstack-binding/flow-board.ts';
import { tidyUpAfter } from '../../fstack-binding/fstack.ts';
import { Ini } from '../../fstack-binding/ini.ts';
import { type Crews, NoPlace } from './crews.ts';
import { childEnvironment } from './environment.ts';
import type { ErrorLog } from './error-log.ts';
import type { Generation } from './generation.ts';
import { StackCrashes } from './stack-crashes.ts';
import { type WorkerExit, WorkerProcess } from './worker-process.ts';
import { EXIT_FATAL, PLAN_FD } from './worker-settings.ts';

/** A worker that dies younger than this is started again later and later. */
const SETTLED_MS = 1000;
/** How long a worker has between SIGTERM and SIGKILL. */
const TERMINATE_MS = 1000;
/** What a process dies of by itself. */
const { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV } = constants.signals;
const CRASHES: ReadonlySet<number> = new Set([SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV]);
const FIRST_RESPAWN_DELAY_MS = 100;
const LAST_RESPAWN_DELAY_MS = 5000;

interface Place {
  readonly crew?: Crew;
  /** There is none on F-Stack. */
  readonly kernelOnly?: boolean;
}

export class Workers {
  readonly #log: () => ErrorLog;
  readonly #onAllGone: () => void;
  readonly #workers = new Set<WorkerProcess>();
  /** Called back when it is ready or has exited, whichever is first. */
  readonly #awaited = new Map<WorkerProcess, (ready: boolean) => void>();
  readonly #respawns = new Map<number, { readonly timer: NodeJS.Timeout; readonly crew: Crew | undefined }>();
  readonly #crashes = new StackCrashes();
  readonly #crews: Crews;
  /** On F-Stack, of those that were started last. */
  #crew: Crew | undefined;
  #ending = false;
  #failures = 0;

  /** `onAllGone` is called whenever the last worker has exited and none is to follow. */
  constructor(log: () => ErrorLog, crews: Crews, onAllGone: () => void) {
    this.#log = log;
    this.#crews = crews;
    this.#onAllGone = onAllGone;
  }

  get live(): boolean {
    return this.#workers.size > 0;
  }

  /** Starts all workers of a generation. Resolves to how many of them came to accept connections. */
  async start(generation: Generation): Promise<number> {
    this.#log().write('notice', 'start worker processes');
    const { workerProcesses, stack } = generation.process;
    const place = this.#muster(generation);
    const started: Promise<boolean>[] = [];
    for (let worker = 0; worker < workerProcesses; worker++) {
      started.push(this.#startOne(generation, worker, place));
      // F-Stack's first process makes what the others share.
      if (stack && !stack.exclusive && worker === 0) await started[0];
    }
    const ready = await Promise.all(started);
    this.#disbandUnused();
    return ready.filter(Boolean).length;
  }

  /** New connections are for those that were started last, if they have come up on F-Stack. */
  takeOver(): void {
    if (this.isOnStack) this.#crew?.board.serve(this.#crew.shift);
  }

  /** Whether any of those that were started last shares a device on F-Stack. */
  get isOnStack(): boolean {
    return this.#crew?.board.isManned(this.#crew.shift) ?? false;
  }

  /** Those that run now; a later signal() to just these ends a generation. */
  list(): readonly WorkerProcess[] {
    return [...this.#workers];
  }

  signal(signal: NodeJS.Signals, workers: Iterable<WorkerProcess> = this.list()): void {
    for (const worker of workers) {
      // Told to quit once is enough; to terminate, or to open logs again, is another thing.
      if (worker.exiting && signal === 'SIGQUIT') continue;
      worker.signal(signal);
    }
  }

  /** Has these exit, and resolves when they have: those that take longer than `patience` ms are terminated. */
  async quit(workers: readonly WorkerProcess[], patience: number): Promise<void> {
    this.signal('SIGQUIT', workers);
    const terminate = setTimeout(() => this.signal('SIGTERM', workers), patience);
    await Promise.all(workers.map((worker) => worker.gone));
    clearTimeout(terminate);
  }

  /** From now on nobody is started again. */
  end(): void {
    this.#ending = true;
    this.stopRespawning();
  }

  /** Forgets workers that wait for being started again, e.g. of a generation that was replaced. */
  stopRespawning(): void {
    for (const { timer } of this.#respawns.values()) clearTimeout(timer);
    this.#respawns.clear();
    this.#disbandUnused();
  }

  /** A place on F-Stack's device. */
  #muster({ process: { stack, workerProcesses } }: Generation): Place {
    this.#crew = undefined;
    if (!stack || (workerProcesses === 1 && !stack.exclusive)) return {};
    try {
      this.#crew = this.#crews.muster(stack, workerProcesses);
      return { crew: this.#crew };
    } catch (error) {
      if (!(error instanceof NoPlace)) throw error;
      this.#log().write('warn', `${error.message}: workers serve on the kernel's network stack`);
      return { kernelOnly: true };
    }
  }

  /** Whose workers have all ended is no more. */
  #disbandUnused(): void {
    const pending = [...this.#respawns.values(), ...this.list()].map(({ crew }) => crew);
    // Some of those that were started last may be still to come.
    this.#crews.disbandAllBut(pending.length > 0 ? [...pending, this.#crew] : []);
  }

  #startOne(generation: Generation, worker: number, place: Place): Promise<boolean> {
    const environment = childEnvironment(generation.process.env);
    const { crew } = place;
    const kernelOnly = (place.kernelOnly ?? false) || this.#kernelOnly(generation, worker);
    const descriptors = generation.descriptors();
    const process = new WorkerProcess(
      {
        ...generation.workerSettings(worker, kernelOnly),
        ...(crew && { crew: { fd: PLAN_FD + descriptors.length, shift: crew.shift } }),
      },
      crew ? [...descriptors, crew.board.fd] : descriptors,
      environment,
      crew,
      {
        ready: (ready) => {
          generation.certificates?.add(ready);
          crew?.board.arrived(crew.shift, worker);
          this.#settle(ready, true);
        },
        exited: (exited, exit) => this.#bury(generation, exited, exit),
      },
    );
    if (process.pid === undefined) {
      this.#log().write('alert', 'fork() failed while spawning "worker process"');
      return Promise.resolve(false);
    }
    this.#log().write('notice', `start worker process ${process.pid}`);
    this.#workers.add(process);
    return new Promise((resolve) => this.#awaited.set(process, resolve));
  }

  #kernelOnly({ process: { stack } }: Generation, worker: number): boolean {
    if (!stack || stack.required || !this.#crashes.tooMany(worker)) return false;
    this.#log().write(
      'warn',
      `worker ${worker} crashed twice within a minute on F-Stack, it comes up on the kernel's network stack`,
    );
    return true;
  }

  #settle(worker: WorkerProcess, ready: boolean): void {
    this.#awaited.get(worker)?.(ready);
    this.#awaited.delete(worker);
  }

  #bury(generation: Generation, worker: WorkerProcess, exit: WorkerExit): void {
    const log = this.#log();
    this.#workers.delete(worker);
    worker.crew?.board.left(worker.crew.shift, worker.settings.worker);
    tidyUp(worker);
    this.#settle(worker, false);

    log.write('notice', `signal 17 (SIGCHLD) received from ${worker.pid}`);
    if ('signal' in exit) log.write('alert', `worker process ${worker.pid} exited on signal ${exit.signal}`);
    else log.write('notice', `worker process ${worker.pid} exited with code ${exit.code}`);

    if ('signal' in exit && CRASHES.has(exit.signal) && worker.settings.stack) {
      this.#crashes.note(worker.settings.worker);
    }
    const fatal = 'code' in exit && exit.code === EXIT_FATAL;
    if (fatal) {
      log.write(
        'alert',
        `worker process ${worker.pid} exited with fatal code ${EXIT_FATAL} and cannot be respawned`,
      );
    } else if (!worker.exiting && !this.#ending) {
      const dependants = this.#dependants(worker);
      if (dependants.length > 0) void this.#restart(generation, dependants);
      else this.#respawn(generation, worker);
    }
    this.#disbandUnused();
    if (!this.live && this.#respawns.size === 0) this.#onAllGone();
  }

  /** F-Stack's processes share memory, locks included: one that dies leaves it in a state that nobody can trust. */
  #dependants({ settings: { stack } }: WorkerProcess): WorkerProcess[] {
    if (!stack || stack.exclusive) return [];
    return this.list().filter(({ settings, exiting }) => settings.stack?.ini === stack.ini && !exiting);
  }

  async #restart(generation: Generation, dependants: readonly WorkerProcess[]): Promise<void> {
    this.#log().write(
      'warn',
      'a worker on F-Stack has died, those that share its memory are started anew with it',
    );
    this.signal('SIGTERM', dependants);
    const kill = setTimeout(() => this.signal('SIGKILL', dependants), TERMINATE_MS);
    await Promise.all(dependants.map(({ gone }) => gone));
    clearTimeout(kill);
    if (!this.#ending) await this.start(generation);
  }

  #respawn(generation: Generation, { settings: { worker }, crew, startedAt }: WorkerProcess): void {
    const place = crew ? { crew } : {};
    if (Date.now() - startedAt >= SETTLED_MS) {
      this.#failures = 0;
      void this.#startOne(generation, worker, place);
      return;
    }
    const delay = Math.min(FIRST_RESPAWN_DELAY_MS * 2 ** this.#failures++, LAST_RESPAWN_DELAY_MS);
    const timer = setTimeout(() => {
      this.#respawns.delete(worker);
      void this.#startOne(generation, worker, place);
    }, delay);
    this.#respawns.set(worker, { timer, crew });
  }
}

/** DPDK's files are root's, and the worker was it no longer when it ended. */
function tidyUp({ settings: { stack, worker }, crew }: WorkerProcess): void {
  const parsed = stack && Ini.parse(stack.ini);
  if (!parsed || 'error' in parsed) return;
  tidyUpAfter({ ini: parsed.ini, devices: stack.devices, worker, ...(crew && { crew }) });
}
