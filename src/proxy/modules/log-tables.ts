import type { Compiler } from '../conf/compile/compiler.ts';
import type { Statement } from '../conf/statement.ts';
import type { Index, SyslogPlan } from '../plan/plan.ts';
import { formatPlan, type LogFormat } from './log-format.ts';

/** How lines wait before they are written. */
export interface LogBuffer {
  /** Bytes. */
  readonly size: number;
  /** The longest time, in milliseconds; 0: no limit. */
  readonly flush: number;
  /** Level of compression; 0: none. */
  readonly gzip: number;
}

interface LogFilePlan {
  readonly fd: Index;
  readonly path: string;
  readonly buffer?: number;
  readonly flush?: number;
  readonly gzip?: number;
}

/** What the access logs of all blocks share: formats, files, syslog servers, each by position. */
class LogTables {
  readonly #compiler: Compiler;
  readonly #formats = new Map<LogFormat, { readonly position: Index; readonly plan: unknown }>();
  readonly #positions = new Map<string, Index>();
  readonly #files: LogFilePlan[] = [];
  readonly #syslogs = new Map<string, { readonly position: Index; readonly plan: SyslogPlan }>();

  constructor(compiler: Compiler) {
    this.#compiler = compiler;
  }

  format(format: LogFormat): Index {
    let known = this.#formats.get(format);
    if (!known) {
      known = { position: this.#formats.size, plan: formatPlan(format, this.#compiler) };
      this.#formats.set(format, known);
    }
    return known.position;
  }

  /** A file has one buffer, whoever writes to it: two that say different things are at odds. */
  file(name: string, buffer?: LogBuffer, statement?: Statement): Index {
    const path = this.#compiler.paths.full(name);
    const known = this.#positions.get(path);
    if (known === undefined) {
      const plan = { fd: this.#compiler.descriptors.log(path), path, ...bufferPlan(buffer) };
      const position = this.#files.push(plan) - 1;
      this.#positions.set(path, position);
      return position;
    }
    const file = this.#files[known];
    if (!buffer || !file) return known;
    if (file.buffer === undefined) {
      this.#files[known] = { ...file, ...bufferPlan(buffer) };
    } else if (file.buffer !== buffer.size || file.flush !== buffer.flush || file.gzip !== buffer.gzip) {
      throw statement?.fail(`access_log "${name}" already defined with conflicting parameters`, 1);
    }
    return known;
  }

  syslog(plan: SyslogPlan): Index {
    const key = JSON.stringify(plan);
    let known = this.#syslogs.get(key);
    if (!known) {
      known = { position: this.#syslogs.size, plan };
      this.#syslogs.set(key, known);
    }
    return known.position;
  }

  plan() {
    return {
      formats: Array.from(this.#formats.values(), ({ plan }) => plan),
      files: this.#files,
      syslogs: Array.from(this.#syslogs.values(), ({ plan }) => plan),
    };
  }
}

function bufferPlan(buffer: LogBuffer | undefined) {
  return buffer && { buffer: buffer.size, flush: buffer.flush, gzip: buffer.gzip };
}

const tables = new WeakMap<Compiler, LogTables>();

export function logTablesOf(compiler: Compiler): LogTables {
  const found = tables.get(compiler) ?? new LogTables(compiler);
  tables.set(compiler, found);
  return found;
}
