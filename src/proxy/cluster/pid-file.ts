import { renameSync, unlinkSync, writeFileSync } from 'node:fs';
import type { Addon } from '../../fstack-binding/addon.ts';
import type { Log } from './error-log.ts';
import { systemErrorText } from './system-error.ts';

/** The master's pid file. During a binary upgrade the old master's is `PATH.oldbin`. */
export class PidFile {
  readonly path: string;
  readonly #addon: Addon;

  constructor(path: string, addon: Addon) {
    this.path = path;
    this.#addon = addon;
  }

  get oldPath(): string {
    return `${this.path}.oldbin`;
  }

  /** False, and an `[emerg]`, when it can't be written. */
  write(log: Log): boolean {
    try {
      writeFileSync(this.path, `${process.pid}\n`, { mode: 0o644 });
      return true;
    } catch (error) {
      log.write('emerg', `open() "${this.path}" failed ${systemErrorText(this.#addon, error)}`);
      return false;
    }
  }

  remove(log: Log, path = this.path): void {
    try {
      unlinkSync(path);
    } catch (error) {
      log.write('alert', `unlink() "${path}" failed ${systemErrorText(this.#addon, error)}`);
    }
  }

  /** Before the new binary starts. */
  moveAside(log: Log, program: string): boolean {
    const when = `before executing new binary process "${program}"`;
    return this.#rename(
      this.path,
      this.oldPath,
      (reason) => `rename() ${this.path} to ${this.oldPath} failed ${when} ${reason}`,
      log,
    );
  }

  /** When the new binary has gone again; `when` ends nginx's sentence. */
  moveBack(log: Log, when: string): boolean {
    return this.#rename(
      this.oldPath,
      this.path,
      (reason) => `rename() ${this.oldPath} back to ${this.path} failed ${when} ${reason}`,
      log,
    );
  }

  #rename(from: string, to: string, describe: (reason: string) => string, log: Log): boolean {
    try {
      renameSync(from, to);
      return true;
    } catch (error) {
      log.write('alert', describe(systemErrorText(this.#addon, error)));
      return false;
    }
  }
}
