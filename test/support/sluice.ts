/** A Sluice of its own for a test: own directory, own ports, gone with the test. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.ts';

/** The program under test; another one, e.g. an nginx, to compare with. */
export const PROGRAM = process.env.SLUICE_PROGRAM ?? join(import.meta.dirname, '../../bin/sluice');

const LAST_RESORT_MS = 10_000;

/** With SLUICE_SANITIZE set: the sanitizers' build of the addon, in a Node that has their runtime loaded first. */
const SANITIZERS: Record<string, string> =
  process.env.SLUICE_SANITIZE === undefined
    ? {}
    : {
        SLUICE_ADDON: join(import.meta.dirname, '../../build/Sanitize/sluice.node'),
        LD_PRELOAD: execFileSync('gcc', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim(),
        ASAN_OPTIONS: 'detect_leaks=0',
      };

/** What tap's `t` gives: whatever is started goes when the test ends. */
export interface Cleanup {
  teardown(step: () => void | Promise<void>): unknown;
}

export interface SluiceOptions {
  readonly config: string;
  readonly program?: string;
  /** In the background, as nginx by default; otherwise the test's own child. */
  readonly daemon?: boolean;
  readonly workers?: number;
  /** Of the main context, beyond pid, error_log, user and daemon. */
  readonly main?: string;
  readonly env?: Record<string, string>;
  /** Further files in the directory: name and content. */
  readonly files?: Record<string, string | Uint8Array>;
}

export class Sluice {
  readonly directory: string;
  readonly program: string;
  readonly #options: SluiceOptions;
  #child: ChildProcess | undefined;

  constructor(options: SluiceOptions) {
    this.#options = options;
    this.program = options.program ?? PROGRAM;
    this.directory = mkdtempSync(join(tmpdir(), 'sluice-'));
    for (const [name, content] of Object.entries(options.files ?? {}))
      writeFileSync(join(this.directory, name), content);
    this.configure(options.config);
  }

  /** Writes the configuration that the next start or reload reads. */
  configure(config: string): void {
    const { daemon = false, workers = 1, main = '' } = this.#options;
    const user = process.getuid?.() === 0 ? 'user root;' : '';
    writeFileSync(
      this.path('nginx.conf'),
      `pid ${this.path('nginx.pid')};
error_log ${this.path('error.log')} debug;
daemon ${daemon ? 'on' : 'off'};
worker_processes ${workers};
${user}
${main}
${config}
`,
    );
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  get arguments(): string[] {
    return ['-p', `${this.directory}/`, '-c', 'nginx.conf', '-e', 'error.log'];
  }

  /** Resolves when the pid file is there; throws what was said on stderr if it never comes. */
  async start(): Promise<this> {
    const env = { ...process.env, ...SANITIZERS, ...this.#options.env };
    if (this.#options.daemon) {
      const { status, stderr } = spawnSync(this.program, this.arguments, { env, encoding: 'latin1' });
      if (status !== 0) throw new Error(`exit code ${status}: ${stderr}`);
    } else {
      let stderr = '';
      const child = spawn(this.program, this.arguments, { env, stdio: ['ignore', 'ignore', 'pipe'] });
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      this.#child = child;
      await eventually('the pid file', () => {
        if (child.exitCode !== null) throw new Error(`exit code ${child.exitCode}: ${stderr}`);
        return existsSync(this.path('nginx.pid'));
      });
    }
    await this.#serving([]);
    return this;
  }

  /** The master that the pid file names; NaN while the file is empty, which no signal can be sent to. */
  get pid(): number {
    return readPid(this.path('nginx.pid'));
  }

  get running(): boolean {
    return existsSync(this.path('nginx.pid'));
  }

  signal(signal: NodeJS.Signals, pid = this.pid): void {
    process.kill(pid, signal);
  }

  /** Pids of a master's workers. */
  workers(master = this.pid): number[] {
    return childrenOf(master).filter((pid) => commandLine(pid).startsWith('nginx: worker process'));
  }

  errorLog(): string {
    return readFileSync(this.path('error.log'), 'latin1');
  }

  /** How often the error log matches. */
  logged(pattern: RegExp): number {
    return this.errorLog().match(new RegExp(pattern, 'g'))?.length ?? 0;
  }

  /** Resolves when new workers serve and those from before have gone. */
  async reload(config?: string): Promise<void> {
    if (config !== undefined) this.configure(config);
    const before = this.workers();
    this.signal('SIGHUP');
    await this.#serving(before);
    await eventually(
      'the old workers to go',
      () => before.every((pid) => !existsSync(`/proc/${pid}`)),
      10_000,
    );
  }

  /** Starts another binary; resolves to the old master's pid when the new one has its workers. */
  async startNewBinary(milliseconds?: number): Promise<number> {
    const { workers = 1 } = this.#options;
    const old = this.pid;
    this.signal('SIGUSR2');
    await eventually(
      'the new master',
      () => existsSync(this.#oldPidFile) && this.running && !Number.isNaN(this.pid) && this.pid !== old,
      milliseconds,
    );
    await eventually('its workers', () => this.workers().length >= workers, milliseconds);
    return old;
  }

  /** Lets the old binary go; resolves when it has gone. */
  async endOldBinary(milliseconds?: number): Promise<void> {
    const old = readPid(this.#oldPidFile);
    this.signal('SIGQUIT', old);
    await eventually(
      'the old master to go',
      () => !existsSync(`/proc/${old}`) && !existsSync(this.#oldPidFile),
      milliseconds,
    );
  }

  get #oldPidFile(): string {
    return this.path('nginx.pid.oldbin');
  }

  /** Workers take their title when they are about to accept connections. */
  async #serving(before: readonly number[]): Promise<void> {
    const { workers = 1 } = this.#options;
    const ready = (pid: number): boolean =>
      commandLine(pid) === 'nginx: worker process' && !before.includes(pid);
    await eventually('the workers', () => this.workers().filter(ready).length >= workers, LAST_RESORT_MS);
  }

  async stop(signal: NodeJS.Signals = 'SIGQUIT'): Promise<void> {
    // A master that ends in an upgrade gives the pid file's name back to the one before it: hence from the oldest on.
    for (const name of ['nginx.pid.oldbin', 'nginx.pid']) {
      if (!existsSync(this.path(name))) continue;
      const pid = readPid(this.path(name));
      if (Number.isNaN(pid)) continue;
      kill(pid, signal);
      await eventually('the master to go', () => !existsSync(`/proc/${pid}`), LAST_RESORT_MS).catch(() => {
        for (const each of [pid, ...childrenOf(pid)]) kill(each, 'SIGKILL');
      });
    }
    const child = this.#child;
    if (child)
      await eventually('the child to go', () => child.exitCode !== null || child.signalCode !== null);
  }

  /** Throws when a sanitizer had something to say. */
  async remove(): Promise<void> {
    await this.stop('SIGTERM');
    const found =
      existsSync(this.path('error.log')) && /^.*(Sanitizer|runtime error:).*$/m.exec(this.errorLog());
    if (found) throw new Error(this.errorLog().slice(found.index, found.index + 8000));
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Starts a Sluice that ends with the test. */
export async function startSluice(t: Cleanup, options: SluiceOptions): Promise<Sluice> {
  const sluice = new Sluice(options);
  t.teardown(() => sluice.remove());
  return await sluice.start();
}

/** NaN when the file holds none: 0, as an empty file would be read, stands for a whole process group. */
function readPid(path: string): number {
  const text = readFileSync(path, 'latin1').trim();
  return /^[1-9]\d*$/.test(text) ? Number(text) : Number.NaN;
}

export function childrenOf(pid: number): number[] {
  const children: number[] = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // proc(5): after the name in parentheses come the state and the parent.
      const [, parent] = readFileSync(`/proc/${entry}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      if (Number(parent) === pid) children.push(Number(entry));
    } catch {
      // It has gone meanwhile.
    }
  }
  return children;
}

/** A process title; empty when there is no such process. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}
