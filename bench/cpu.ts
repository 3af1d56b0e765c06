/** CPU time and memory of processes, from proc(5). */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { processTree } from './processes.ts';

const TICK_US = 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'latin1' }));

/** Microseconds that a process and its descendants have used, the reaped ones included. */
export function cpuMicroseconds(pid: number): number {
  let ticks = 0;
  for (const each of processTree(pid)) {
    // After the name in parentheses: state is field 3; utime, stime, cutime and cstime are fields 14 to 17.
    const fields = readFileSync(`/proc/${each}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    for (const field of fields.slice(11, 15)) ticks += Number(field);
  }
  return ticks * TICK_US;
}

/** Bytes of anonymous memory of a process and its descendants: what they have allocated themselves. */
export function anonymousBytes(pid: number): number {
  let kilobytes = 0;
  for (const each of processTree(pid)) {
    const rollup = readFileSync(`/proc/${each}/smaps_rollup`, 'latin1');
    kilobytes += Number(/^Anonymous:\s+(\d+) kB$/m.exec(rollup)?.[1] ?? 0);
  }
  return kilobytes * 1024;
}

/** Of a worker's data thread: what requests of other connections wait for. */
export interface DataThreadUse {
  /** Microseconds. */
  readonly cpu: number;
  /** How often it has left its CPU to others, of itself or not. */
  readonly switches: number;
}

export function dataThreadUse(pid: number): DataThreadUse {
  const tasks = `/proc/${pid}/task`;
  for (const task of readdirSync(tasks)) {
    const read = (file: string): string => readFileSync(`${tasks}/${task}/${file}`, 'latin1');
    if (read('comm') !== 'data\n') continue;
    const switches = read('status').matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)$/gm);
    return {
      cpu: Number(read('schedstat').split(' ')[0]) / 1000,
      switches: [...switches].reduce((sum, [, count]) => sum + Number(count), 0),
    };
  }
  throw new Error(`process ${pid} has no data thread`);
}
