/**
 * The control plane's side of an `error_log`, through pino. Lines have nginx's form, or are pino's JSON with SLUICE_LOG_FORMAT=json.
 * pino is loaded with the first line that some sink wants: a process that logs nothing does without its memory.
 */
import { writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Logger } from 'pino';
import type { Addon } from '../../fstack-binding/addon.ts';
import type { ErrorLogPlan, LogLevel, SyslogPlan } from '../plan/plan.ts';

/** Ranks as pino wants them: the more severe, the higher. */
const RANK: Readonly<Record<LogLevel, number>> = {
  debug: 20,
  info: 30,
  notice: 35,
  warn: 40,
  error: 50,
  crit: 55,
  alert: 57,
  emerg: 60,
};

/** By number, RFC 3164 section 4.1.1. */
const SEVERITIES = Object.keys(RANK).toReversed();

const STDERR = 2;

/** Where messages go; the start has one of its own kind. */
export interface Log {
  /** `details` are further lines for the operator's eyes; a log file does without them. */
  write(level: LogLevel, message: string, details?: readonly string[]): void;
}

export interface LogSink {
  readonly level: LogLevel;
  /** `level` is the line's own. */
  write(line: string, level: LogLevel): void;
}

export class ErrorLog implements Log {
  readonly #sinks: readonly LogSink[];
  readonly #threshold: number;
  #logger: Logger<LogLevel> | undefined;

  constructor(sinks: readonly LogSink[]) {
    this.#sinks = sinks;
    this.#threshold = Math.min(...sinks.map((sink) => RANK[sink.level]), Number.POSITIVE_INFINITY);
  }

  write(level: LogLevel, message: string): void {
    if (RANK[level] < this.#threshold) return;
    this.prepare()[level](message);
  }

  /** Loads what the first line would. */
  prepare(): Logger<LogLevel> {
    this.#logger ??= this.#open();
    return this.#logger;
  }

  #open(): Logger<LogLevel> {
    const { pino }: typeof import('pino') = createRequire(import.meta.url)('pino');
    const destination = new Destination(this.#sinks);
    return pino(
      { level: 'debug', customLevels: RANK, useOnlyCustomLevels: true, base: { pid: process.pid } },
      destination,
    );
  }
}

/** Tells pino to fill in `lastLevel` and `lastMsg` before each write. */
const WANTS_METADATA: unique symbol = Symbol.for('pino.metadata') as typeof WANTS_METADATA;

/** Where a pino logger writes: every sink whose level admits the line. */
class Destination {
  readonly [WANTS_METADATA] = true;
  readonly #sinks: readonly LogSink[];
  readonly #json = process.env.SLUICE_LOG_FORMAT === 'json';
  lastLevel = 0;
  lastMsg = '';

  constructor(sinks: readonly LogSink[]) {
    this.#sinks = sinks;
  }

  write(json: string): void {
    const level = levelOfRank(this.lastLevel);
    const line = this.#json ? json : formatLine(level, this.lastMsg);
    for (const sink of this.#sinks) {
      if (this.lastLevel >= RANK[sink.level]) sink.write(line, level);
    }
  }
}

function levelOfRank(rank: number): LogLevel {
  for (const [level, own] of Object.entries(RANK)) if (own === rank) return level as LogLevel;
  throw new RangeError(`no log level has rank ${rank}`);
}

/** `2026/11/22 22:13:01 [notice] 4711#4711: message`, local time. */
export function formatLine(level: LogLevel, message: string, now = new Date()): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${now.getFullYear()}/${two(now.getMonth() + 1)}/${two(now.getDate())}`;
  const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
  return `${date} ${time} [${level}] ${process.pid}#${process.pid}: ${message}\n`;
}

/** The sinks of an `error_log` list; `descriptors` are those of the Plan's `fds`, by position. */
export function sinksOf(plan: ErrorLogPlan, descriptors: readonly number[], addon: Addon): LogSink[] {
  return plan.map(({ level, fd, syslog }) =>
    syslog ? syslogSink(syslog, level, addon) : fileSink(descriptors[fd ?? -1] ?? STDERR, level),
  );
}

function syslogSink(plan: SyslogPlan, level: LogLevel, addon: Addon): LogSink {
  const send = addon.openSyslog(plan);
  return {
    level,
    write(line, of) {
      send?.(SEVERITIES.indexOf(of), line.trimEnd());
    },
  };
}

/** An open file, appended to. What cannot be written is lost: there is nowhere to say so. */
function fileSink(fd: number, level: LogLevel): LogSink {
  return {
    level,
    write(line) {
      try {
        writeSync(fd, line, null, 'latin1');
      } catch {
        return;
      }
    },
  };
}
