/** The master process: https://nginx.org/en/docs/control.html, with nginx's order of steps and its messages. */
import type { ChildProcess } from 'node:child_process';
import { constants, release, type } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Addon } from '../../fstack-binding/addon.ts';
import { ReuseportGroups } from '../../quic/reuseport-groups.ts';
import { SERVER_VERSION } from '../version.ts';
import { Crews } from './crews.ts';
import { LogFileError } from './descriptors.ts';
import type { ErrorLog, Log } from './error-log.ts';
import { Generation } from './generation.ts';
import { ListenError, type ListenSocket, ListenSockets } from './listen-sockets.ts';
import { PidFile } from './pid-file.ts';
import type { ClusterConfiguration } from './settings.ts';
import { onSignals, type SignalHandler } from './signals.ts';
import { systemErrorText } from './system-error.ts';
import { TempFolderError } from './temp-folders.ts';
import { type Program, startNewBinary } from './upgrade.ts';
import type { WorkerProcess } from './worker-process.ts';
import { Workers } from './workers.ts';

/** How long workers have between SIGTERM and SIGKILL. */
const TERMINATE_MS = 1500;
/** How long workers on F-Stack may finish what is open while the next ones wait for their device. */
const DEVICE_PATIENCE_MS = 1000;
/** How long workers listen on F-Stack beside those that serve now, for the sake of connections in the making. */
const HANDSHAKE_MS = 1000;
/** How long they wait for a new binary's to come up on F-Stack, and how often the master looks. */
const OTHERS_MS = 10_000;
const LOOK_MS = 50;
const STDERR = 2;

export interface MasterOptions {
  readonly addon: Addon;
  readonly program: Program;
  /** Reads the configuration; says in `log` what is wrong with it, and returns undefined. */
  readonly load: (log: Log) => Promise<ClusterConfiguration | undefined>;
  /** Until the configured logs are open. */
  readonly startLog: Log;
  /** Of another binary, whose sockets we take over. */
  readonly inheritedFds: readonly number[];
  /** In the background, or started by another binary: WINCH means something else than a resized terminal. */
  readonly daemonized: boolean;
}

export class Master {
  readonly #addon: Addon;
  readonly #options: MasterOptions;
  readonly #parent = process.ppid;
  readonly #workers: Workers;
  readonly #groups: ReuseportGroups;
  readonly #crews: Crews;
  #generation: Generation;
  #pidFile: PidFile;
  #newBinary: ChildProcess | undefined;
  #ending: 'quit' | 'terminate' | undefined;
  #accepting = true;
  #reloading = false;
  #reloadAgain = false;

  /** Undefined when it can't; the start log says why. */
  static async start(options: MasterOptions): Promise<Master | undefined> {
    const { addon, startLog } = options;
    const inherited = new ListenSockets(addon, startLog).adopt(options.inheritedFds);
    const configuration = await options.load(startLog);
    if (!configuration) return undefined;
    const groups = new ReuseportGroups(addon);
    const generation = openGeneration(configuration, undefined, inherited, groups, addon, startLog);
    if (!generation) return undefined;
    const master = new Master(options, generation, groups);
    // Whoever reads the pid file may signal at once: the handlers stand before.
    if (!master.#pidFile.write(startLog)) return undefined;
    new ListenSockets(addon, generation.errorLog).closeUnused(inherited, generation.sockets);
    master.#letTerminalGo();
    return master;
  }

  private constructor(options: MasterOptions, generation: Generation, groups: ReuseportGroups) {
    this.#addon = options.addon;
    this.#groups = groups;
    this.#crews = new Crews(options.addon);
    this.#options = options;
    this.#generation = generation;
    this.#pidFile = new PidFile(generation.process.pid, options.addon);
    this.#workers = new Workers(
      () => this.#log,
      this.#crews,
      () => this.#onAllWorkersGone(),
    );

    process.title = ['nginx: master process', options.program.path, ...options.program.args].join(' ');
    this.#addon.setProcessName('nginx');
    this.#listenToSignals();
    // Signals alone don't keep Node running, and workers may all be gone for a while (WINCH).
    setInterval(() => undefined, 2 ** 30);
  }

  /** Starts the workers; the master then goes by signals. */
  run(): void {
    const { soft, hard } = this.#addon.openFilesLimit();
    this.#log.write('notice', 'using the "epoll" event method');
    this.#log.write('notice', SERVER_VERSION);
    this.#log.write('notice', `OS: ${type()} ${release()}`);
    this.#log.write('notice', `getrlimit(RLIMIT_NOFILE): ${soft}:${hard}`);
    void this.#workers.start(this.#generation).then((ready) => {
      if (ready > 0) this.#takeOver();
      if (ready === 0 && this.#generation.process.stack?.required) this.#giveUp();
      releaseMemory();
    });
  }

  get #log(): ErrorLog {
    return this.#generation.errorLog;
  }

  #listenToSignals(): void {
    const terminate: SignalHandler = { action: 'exiting', handle: () => this.#terminate() };
    onSignals(
      { write: (level, message) => this.#log.write(level, message) },
      {
        SIGQUIT: { action: 'shutting down', handle: () => void this.#quit() },
        SIGTERM: terminate,
        SIGINT: terminate,
        SIGHUP: { action: 'reconfiguring', handle: () => void this.#reconfigure() },
        SIGUSR1: { action: 'reopening logs', handle: () => this.#reopenLogs() },
        SIGUSR2: {
          action: () => (this.#upgrading ? 'ignoring' : 'changing binary'),
          handle: () => this.#changeBinary(),
        },
        ...(this.#options.daemonized && {
          SIGWINCH: { action: 'stop accepting connections', handle: () => void this.#stopAccepting() },
        }),
      },
    );
    this.#addon.unblockSignals();
  }

  /** An upgrade is on, seen from either side. */
  get #upgrading(): boolean {
    return this.#newBinary !== undefined || process.ppid === this.#parent;
  }

  // --- Ending ---

  async #quit(): Promise<void> {
    if (this.#ending) return;
    this.#ending = 'quit';
    this.#crews.handBack();
    this.#workers.end();
    await this.#letOthersTakeOver();
    if (this.#ending !== 'quit') return;
    this.#workers.signal('SIGQUIT');
    this.#closeSockets();
    if (!this.#workers.live) this.#exit();
  }

  /** Before our workers close what only they listen on: another binary's may be about to serve, or have just begun. */
  async #letOthersTakeOver(): Promise<void> {
    const deadline = Date.now() + OTHERS_MS;
    while (this.#newBinary && this.#crews.serving === 'ours' && Date.now() < deadline) {
      await setTimeout(LOOK_MS);
    }
    if (this.#crews.serving === 'others') await setTimeout(HANDSHAKE_MS);
  }

  #terminate(): void {
    if (this.#ending === 'terminate') return;
    this.#ending = 'terminate';
    this.#crews.handBack();
    this.#workers.end();
    this.#workers.signal('SIGTERM');
    setInterval(() => this.#workers.signal('SIGKILL'), TERMINATE_MS);
    if (!this.#workers.live) this.#exit();
  }

  /** Better not to run at all than other than was asked for. */
  #giveUp(): void {
    this.#log.write('emerg', 'no worker process came up on F-Stack, which "fstack require" asks for');
    this.#pidFile.remove(this.#log, this.#pidFile.path);
    process.exit(1);
  }

  #onAllWorkersGone(): void {
    if (this.#ending) this.#exit();
  }

  #exit(): never {
    this.#pidFile.remove(this.#log, this.#newBinary ? this.#pidFile.oldPath : this.#pidFile.path);
    this.#log.write('notice', 'exit');
    if (this.#ending !== 'quit') this.#closeSockets();
    process.exit(0);
  }

  /** Files of unix sockets stay while another binary listens there: the new one, or the old one that gave us the sockets. */
  #closeSockets(): void {
    const oldBinaryLives = process.ppid === this.#parent;
    const unlink = (socket: ListenSocket): boolean =>
      !this.#newBinary && !(socket.inherited && oldBinaryLives);
    new ListenSockets(this.#addon, this.#log).closeAll(this.#generation.sockets, unlink);
  }

  // --- Reload ---

  async #reconfigure(): Promise<void> {
    if (this.#ending) return;
    if (this.#newBinary) {
      // Back from an upgrade that is not wanted after all: the old configuration serves again.
      void this.#serveAgain();
      return;
    }
    if (this.#reloading) {
      this.#reloadAgain = true;
      return;
    }
    this.#reloading = true;
    do {
      this.#reloadAgain = false;
      this.#log.write('notice', 'reconfiguring');
      await this.#replaceGeneration();
    } while (this.#reloadAgain && !this.#ending);
    this.#reloading = false;
  }

  async #replaceGeneration(): Promise<void> {
    const previous = this.#generation;
    const configuration = await this.#options.load(previous.errorLog);
    if (!configuration || this.#ending) return;
    const next = openGeneration(configuration, previous, [], this.#groups, this.#addon, previous.errorLog);
    if (!next) return;
    if (!this.#movePidFile(next)) {
      next.retire(previous, this.#addon);
      return;
    }

    const before = this.#workers.list();
    this.#workers.stopRespawning();
    this.#generation = next;
    const handedOver = this.#workers.isOnStack;
    const ready = await this.#startBeside(before, previous, next);
    if (this.#ending) return;
    if (ready === 0) {
      this.#log.write('alert', 'no worker process could serve the new configuration, the old one stays');
      this.#generation = previous;
      this.#movePidFile(previous);
      next.retire(previous, this.#addon);
      if (!before.some(({ exiting }) => !exiting)) void this.#workers.start(previous);
      return;
    }
    this.#letTerminalGo();
    this.#takeOver();
    // F-Stack's listening sockets are the workers' own: what is in the making there would be lost with them.
    if (handedOver) await setTimeout(HANDSHAKE_MS);
    this.#workers.signal('SIGQUIT', before);
    if (!this.#workers.list().some(({ onKernel }) => onKernel)) next.leaveKernel(previous, this.#addon);
    previous.retire(next, this.#addon);
    releaseMemory();
  }

  /** Starts the workers of `next` while those before still serve, if their stack allows for it. Resolves to how many are ready. */
  async #startBeside(
    before: readonly WorkerProcess[],
    previous: Generation,
    next: Generation,
  ): Promise<number> {
    const alone = async (): Promise<number> => {
      await this.#workers.quit(before, DEVICE_PATIENCE_MS);
      return this.#ending ? 0 : this.#workers.start(next);
    };
    if (!previous.process.stack) return this.#workers.start(next);
    // A device that only one can have.
    if (!previous.process.stack.exclusive || next.process.stack?.exclusive === false) return alone();
    const ready = await this.#workers.start(next);
    if (!next.process.stack || this.#workers.isOnStack || this.#ending) return ready;
    this.#log.write('warn', 'no room for two generations of workers on F-Stack, one ends for the other');
    await this.#workers.quit(
      this.#workers.list().filter((worker) => !before.includes(worker)),
      0,
    );
    return alone();
  }

  /** Those that were started last serve. */
  #takeOver(): void {
    this.#generation.routing?.takeOver();
    this.#workers.takeOver();
  }

  /** After an upgrade that came to nothing. With QUIC the workers that still drain keep their own sockets. */
  async #serveAgain(): Promise<void> {
    this.#accepting = true;
    const previous = this.#generation;
    const { renewable, errorLog } = previous;
    const renewed = renewable && openGeneration(renewable, previous, [], this.#groups, this.#addon, errorLog);
    if (renewed) {
      this.#generation = renewed;
      if (this.#workers.list().every(({ exiting }) => exiting)) previous.retire(renewed, this.#addon);
    }
    const ready = await this.#workers.start(this.#generation);
    if (ready > 0) this.#takeOver();
  }

  /** Writes the pid file of `generation` where it is another one, and removes the one before. */
  #movePidFile({ process: { pid } }: Generation): boolean {
    if (pid === this.#pidFile.path) return true;
    const moved = new PidFile(pid, this.#addon);
    if (!moved.write(this.#log)) return false;
    this.#pidFile.remove(this.#log);
    this.#pidFile = moved;
    return true;
  }

  // --- Logs ---

  #reopenLogs(): void {
    this.#log.write('notice', 'reopening logs');
    this.#generation.logs.reopen(this.#generation.process.user.uid, this.#log);
    this.#letTerminalGo();
    this.#workers.signal('SIGUSR1');
  }

  /** What the runtime itself has to say, if it ever has, belongs into the error log; the terminal is let go. */
  #letTerminalGo(): void {
    const file = this.#generation.errorLogFile;
    if (file !== undefined) this.#addon.duplicateTo(file, STDERR);
  }

  // --- Upgrade ---

  #changeBinary(): void {
    if (this.#upgrading) {
      this.#log.write(
        'crit',
        "the changing binary signal is ignored: you should shutdown or terminate before either old or new binary's process",
      );
      return;
    }
    const { program } = this.#options;
    this.#log.write('notice', 'changing binary');
    if (!this.#pidFile.moveAside(this.#log, program.path)) return;

    const { sockets, process: settings } = this.#generation;
    const binary = startNewBinary(program, sockets, this.#groups, this.#crews.board, settings.env);
    const afterwards = `after an attempt to execute new binary process "${program.path}"`;
    binary.once('error', (error) => {
      const reason = systemErrorText(this.#addon, error);
      this.#log.write(
        'alert',
        `execve() failed while executing new binary process "${program.path}" ${reason}`,
      );
      if (binary.pid === undefined) this.#pidFile.moveBack(this.#log, afterwards);
    });
    if (binary.pid === undefined) return;
    this.#log.write('notice', `start new binary process ${binary.pid}`);
    this.#newBinary = binary;
    binary.once('exit', (code, signal) => this.#onNewBinaryExit(binary, code, signal));
  }

  #onNewBinaryExit({ pid }: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    this.#log.write('notice', `signal 17 (SIGCHLD) received from ${pid}`);
    if (signal)
      this.#log.write('alert', `new binary process ${pid} exited on signal ${constants.signals[signal]}`);
    else this.#log.write('notice', `new binary process ${pid} exited with code ${code}`);

    this.#pidFile.moveBack(this.#log, `after the new binary process "${this.#options.program.path}" exited`);
    this.#newBinary = undefined;
    if (this.#accepting && !this.#ending) this.#takeOver();
    this.#crews.forgetOthers();
    if (!this.#accepting && !this.#ending) void this.#serveAgain();
  }

  async #stopAccepting(): Promise<void> {
    this.#accepting = false;
    this.#workers.stopRespawning();
    const workers = this.#workers.list();
    await this.#letOthersTakeOver();
    this.#workers.signal('SIGQUIT', workers);
  }
}

/** Undefined when something could not be opened; the log says what. */
function openGeneration(
  configuration: ClusterConfiguration,
  previous: Generation | undefined,
  inherited: readonly ListenSocket[],
  groups: ReuseportGroups,
  addon: Addon,
  log: Log,
): Generation | undefined {
  try {
    return new Generation(configuration, previous, inherited, groups, addon, log);
  } catch (error) {
    // Listeners and logs have said it in nginx's words; whatever else stands in the way is said here.
    if (
      !(error instanceof ListenError || error instanceof LogFileError || error instanceof TempFolderError)
    ) {
      log.write('emerg', systemErrorText(addon, error));
    }
    return undefined;
  }
}

/** What reading the configuration took is not needed again before the next reload; left alone, the heap would keep it for long. */
function releaseMemory(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
