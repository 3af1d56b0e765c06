import { type ErrorLogTarget, errorLog } from '../../modules/error-log.ts';
import type { ErrorLogPlan, ErrorLogSink, Index } from '../../plan/plan.ts';
import type { Paths } from '../paths.ts';
import type { Scope } from '../scope.ts';
import type { DescriptorTable } from './descriptors.ts';

/** `plan.errorLogs`: lists that say the same share a position. */
export class ErrorLogTable {
  readonly #descriptors: DescriptorTable;
  readonly #paths: Paths;
  readonly #default: string;
  readonly #positions = new Map<string, Index>();
  readonly #plans: ErrorLogPlan[] = [];

  constructor(descriptors: DescriptorTable, paths: Paths, defaultLog: string) {
    this.#descriptors = descriptors;
    this.#paths = paths;
    this.#default = defaultLog;
  }

  of(scope: Scope): Index {
    const entries = scope.all(errorLog);
    const sinks =
      entries.length > 0
        ? entries.map(({ value }) => this.#sink(value))
        : [this.#sink(this.#defaultTarget())];
    const key = JSON.stringify(sinks);
    let position = this.#positions.get(key);
    if (position === undefined) {
      position = this.#plans.push(sinks) - 1;
      this.#positions.set(key, position);
    }
    return position;
  }

  plan(): readonly ErrorLogPlan[] {
    return this.#plans;
  }

  #defaultTarget(): ErrorLogTarget {
    return this.#default === '' ? { level: 'error', stderr: true } : { level: 'error', file: this.#default };
  }

  #sink(target: ErrorLogTarget): ErrorLogSink {
    const { level } = target;
    if ('syslog' in target) return { level, syslog: target.syslog };
    const fd =
      'file' in target ? this.#descriptors.log(this.#paths.full(target.file)) : this.#descriptors.stderr();
    return { level, fd };
  }
}
