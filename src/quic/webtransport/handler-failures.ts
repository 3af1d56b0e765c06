import { AsyncLocalStorage } from 'node:async_hooks';
import type { Log } from '../../proxy/cluster/error-log.ts';
import type { CarriedSession } from './carried-session.ts';

/** What clients are told when a handler throws. */
const FAILURE = { code: 500, reason: 'handler failed' };

/** Whose code runs. */
export interface Run {
  readonly file: string;
  readonly session?: CarriedSession;
}

/** A handler that throws, now or in something that it has begun, costs its session; the worker lives on. */
export class HandlerFailures {
  readonly #log: Log;
  readonly #running = new AsyncLocalStorage<Run>();

  constructor(log: Log) {
    this.#log = log;
    process.on('unhandledRejection', (reason) => this.#onUncaught(reason));
    process.on('uncaughtException', (error) => this.#onUncaught(error));
  }

  run<T>(run: Run, code: () => T): T {
    return this.#running.run(run, code);
  }

  report({ file, session }: Run, error: unknown): void {
    if (!session || session.closed) {
      this.#log.write('error', `webtransport handler "${file}" failed: ${textOf(error)}`);
      return;
    }
    session.log(textOf(error));
    session.close(FAILURE);
  }

  #onUncaught(error: unknown): void {
    const run = this.#running.getStore();
    if (run) {
      this.report(run, error);
      return;
    }
    // No handler's: the process can't be relied on.
    this.#log.write('alert', `uncaught error: ${textOf(error)}`);
    process.exit(1);
  }
}

/** One line, with the place where it was thrown. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [place] = /^ +at .*$/m.exec(error.stack ?? '') ?? [];
  return place ? `${error.name}: ${error.message} ${place.trim()}` : `${error.name}: ${error.message}`;
}
