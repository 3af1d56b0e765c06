import { openSync, writeSync } from 'node:fs';
import { formatLine } from './cluster/error-log.ts';
import type { Diagnostic } from './conf/diagnostics.ts';
import { errnoText } from './conf/errno-text.ts';
import { fileName } from './conf/include.ts';
import type { LogLevel } from './plan/plan.ts';

const STDERR = 2;
const SEVERITY: readonly LogLevel[] = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];

/**
 * The log of a process that has no configuration yet: the `-e` file, or the built-in one. What is at least a
 * warning goes to stderr as well.
 */
export class StartupLog {
  readonly #fd: number;

  /** `path` is a full name; the empty string means stderr. */
  constructor(path: string) {
    this.#fd = path === '' ? STDERR : openLog(path);
  }

  write(level: LogLevel, message: string, details: readonly string[] = []): void {
    writeText(this.#fd, formatLine(level, message));
    const shown = SEVERITY.indexOf(level) <= SEVERITY.indexOf('warn');
    if (shown && this.#fd !== STDERR) writeText(STDERR, `nginx: [${level}] ${message}\n`);
    if (shown) for (const line of details) writeText(STDERR, `${line}\n`);
  }

  diagnostics(found: readonly Diagnostic[]): void {
    for (const { level, message, details } of found) this.write(level, message, details);
  }
}

function openLog(path: string): number {
  try {
    return openSync(fileName(path), 'a', 0o644);
  } catch (error) {
    const reason = `open() "${path}" failed ${errnoText(error)}`;
    writeText(STDERR, `nginx: [alert] could not open error log file: ${reason}\n`);
    return STDERR;
  }
}

/** Writes all of a text that holds a byte in each character; a closed descriptor takes nothing. */
export function writeText(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
  } catch {
    return;
  }
}
