/** `-s`: a signal to the master process whose number is in the pid file. */
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { CommandLine, Signal } from './command-line.ts';
import { errnoText } from './conf/errno-text.ts';
import { fileName } from './conf/include.ts';
import { parseNumber } from './conf/units.ts';
import { loadOrReport, startupLog } from './test-configuration.ts';

const SIGNALS: Readonly<Record<Signal, NodeJS.Signals>> = {
  stop: 'SIGTERM',
  quit: 'SIGQUIT',
  reopen: 'SIGUSR1',
  reload: 'SIGHUP',
};

/** Returns the exit code. */
export function sendSignal(options: CommandLine, signal: Signal): number {
  const log = startupLog(options);
  const loaded = loadOrReport(options, log);
  if (!loaded) return 1;
  log.write('notice', 'signal process started');
  const file = loaded.process.pid;
  let text: string;
  try {
    text = readFileSync(fileName(file), 'latin1').replace(/[\r\n]+$/, '');
  } catch (error) {
    log.write('error', `open() "${file}" failed ${errnoText(error)}`);
    return 1;
  }
  const pid = parseNumber(text);
  if (pid === undefined) {
    log.write('error', `invalid PID number "${text}" in "${file}"`);
    return 1;
  }
  try {
    process.kill(pid, SIGNALS[signal]);
    return 0;
  } catch (error) {
    log.write('alert', `kill(${pid}, ${constants.signals[SIGNALS[signal]]}) failed ${errnoText(error)}`);
    return 1;
  }
}
