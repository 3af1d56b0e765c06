/** Counts system calls with strace(1). */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLIENT_CORE, processTree, spawnPinned, stop, until } from './processes.ts';

/** Runs `work` while all threads of a process and its descendants are watched. */
export async function countSystemCalls<T>(
  pid: number,
  work: () => Promise<T>,
): Promise<{ calls: number; result: T }> {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-strace-'));
  const summary = join(directory, 'summary');
  const targets = processTree(pid);
  const strace = spawnPinned(CLIENT_CORE, 'strace', [
    ...['-c', '-f', '-o', summary],
    ...targets.flatMap((target) => ['-p', String(target)]),
  ]);
  try {
    await Promise.race([
      until('strace watches', () => targets.every(isTraced)),
      once(strace, 'close').then(() => Promise.reject(new Error('strace ended'))),
    ]);
    const result = await work();
    await stop(strace, 'SIGINT');
    return { calls: total(readFileSync(summary, 'latin1')), result };
  } finally {
    await stop(strace, 'SIGINT');
    rmSync(directory, { recursive: true });
  }
}

/** Of the summary's last line: percentage, seconds, microseconds per call, calls, errors if there are any. */
function total(summary: string): number {
  const line = summary.split('\n').find((each) => each.trimEnd().endsWith(' total'));
  return Number(line?.trim().split(/\s+/)[3]);
}

function isTraced(pid: number): boolean {
  return !/^TracerPid:\s+0$/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
}
