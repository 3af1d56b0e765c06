/** Child processes that keep to one core and go when the benchmark does. */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** What is measured has a core to itself; the load and its origin share the others. */
const last = cpus().length - 1;
export const SERVER_CORE = last;
export const CLIENT_CORE = 0;
export const ORIGIN_CORE = Math.min(1, Math.max(0, last - 1));

const running = new Set<ChildProcess>();
const PATIENCE_MS = 5000;

export function spawnPinned(
  core: number,
  command: string,
  parameters: readonly string[],
  stdio: StdioOptions = ['ignore', 'ignore', 'pipe'],
  environment: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const words = ['--cpu-list', String(core), command, ...parameters];
  const child = spawn('taskset', words, { stdio, env: environment });
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
}

/** Ends a child; one that doesn't go is killed, its descendants with it. */
export async function stop(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  const family = processTree(child.pid);
  child.kill(signal);
  const timer = setTimeout(() => killAll(family), PATIENCE_MS);
  await closed;
  clearTimeout(timer);
}

export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((child) => stop(child)));
}

/** Runs to the end and returns what was printed; throws what was complained of. */
export async function output(core: number, command: string, parameters: readonly string[]): Promise<string> {
  const child = spawnPinned(core, command, parameters, ['ignore', 'pipe', 'pipe']);
  let text = '';
  let complaints = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    complaints += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${command}: exit code ${code}: ${complaints.trim() || text.trim()}`);
  return text;
}

/** A process and all its descendants, as they are now. */
export function processTree(pid: number): number[] {
  const found = [pid];
  for (const parent of found) {
    try {
      const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'latin1').trim();
      if (children) found.push(...children.split(' ').map(Number));
    } catch {
      // It has gone meanwhile.
    }
  }
  return found;
}

/** Polls until `condition` holds; throws naming `what` after a few seconds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not within ${PATIENCE_MS} ms: ${what}`);
    await sleep(20);
  }
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
}
