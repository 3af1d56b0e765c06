/** A worker as its master sees it: started with everything by number, ready when it says so, signalled, buried. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Crew } from '../../fstack-binding/flow-board.ts';
import { framed } from './certificate-news.ts';
import { READY_ON_KERNEL, type WorkerSettings } from './worker-settings.ts';

export type WorkerExit = { readonly code: number } | { readonly signal: number };

export interface WorkerEvents {
  /** Its listeners accept. */
  ready(worker: WorkerProcess): void;
  exited(worker: WorkerProcess, exit: WorkerExit): void;
}

const WORKER_PROGRAM = import.meta.filename.replace(/worker-process(\.\w+)$/, 'worker$1');

/** glibc keeps seven freed blocks of a size at hand for a thread; a TLS handshake frees more, and the next takes them again. */
const ALLOCATION = { GLIBC_TUNABLES: 'glibc.malloc.tcache_count=100' };

export class WorkerProcess {
  readonly settings: WorkerSettings;
  /** Those with whom it shares F-Stack's device. */
  readonly crew: Crew | undefined;
  /** Cleared for workers that are to end, or that failed for good. */
  respawn = true;
  /** It was told to end. */
  exiting = false;
  exited = false;
  /** Resolves when it has exited. */
  readonly gone: Promise<void>;
  readonly startedAt = Date.now();
  readonly #child: ChildProcess;
  #ready = false;
  #onKernel = false;
  #waiting: NodeJS.Signals | undefined;

  /** Undefined pid: the process could not be started; `exited` is then never called. */
  constructor(
    settings: WorkerSettings,
    descriptors: readonly number[],
    environment: Record<string, string>,
    crew: Crew | undefined,
    events: WorkerEvents,
  ) {
    this.settings = settings;
    this.crew = crew;
    // stdout is the way to say "ready": a worker never prints.
    this.#child = spawn(process.execPath, [...process.execArgv, WORKER_PROGRAM, JSON.stringify(settings)], {
      stdio: [settings.watchesCertificates ? 'pipe' : 'ignore', 'pipe', 'inherit', ...descriptors],
      env: { ...ALLOCATION, ...environment },
      argv0: 'nginx: worker process',
    });
    this.#child.on('error', () => undefined);
    this.#child.stdin?.on('error', () => undefined);
    this.#child.stdout?.once('data', (word: Buffer) => {
      this.#onKernel = word.toString('latin1') === READY_ON_KERNEL;
      this.#child.stdout?.destroy();
      this.#becomeReady();
      events.ready(this);
    });
    this.gone = new Promise((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.once('exit', (code, signal) => {
      this.exited = true;
      this.#child.stdout?.destroy();
      events.exited(this, signal === null ? { code: code ?? 0 } : { signal: constants.signals[signal] });
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** It was to come up on F-Stack, and has not. */
  get onKernel(): boolean {
    return this.#onKernel;
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Before its handlers stand a signal would kill it: until then the latest one waits here. SIGKILL never waits. */
  signal(signal: NodeJS.Signals): void {
    if (this.exited) return;
    if (signal !== 'SIGUSR1') this.exiting = true;
    if (this.#ready || signal === 'SIGKILL') this.#child.kill(signal);
    else if (signal !== 'SIGUSR1') this.#waiting = signal;
  }

  tellCertificates(news: Uint8Array): void {
    this.#child.stdin?.write(framed(news));
  }

  #becomeReady(): void {
    this.#ready = true;
    if (this.#waiting) this.#child.kill(this.#waiting);
  }
}
