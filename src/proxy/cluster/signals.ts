import { constants } from 'node:os';
import type { Log } from './error-log.ts';

export interface SignalHandler {
  /** Ends the log line: `signal 15 (SIGTERM) received, exiting`. A function decides when the signal comes. */
  readonly action: string | (() => string);
  handle(): void;
}

/** Node doesn't tell who sent a signal: nginx's ` from PID` is left out. */
export function onSignals(log: Log, handlers: Partial<Record<NodeJS.Signals, SignalHandler>>): void {
  for (const [name, { action, handle }] of Object.entries(handlers)) {
    const signal = name as NodeJS.Signals;
    process.on(signal, () => {
      const what = typeof action === 'string' ? action : action();
      log.write('notice', `signal ${constants.signals[signal]} (${signal}) received${what && `, ${what}`}`);
      handle();
    });
  }
}
