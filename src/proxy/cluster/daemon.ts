/**
 * Going into the background. Node can't fork: the process that was called starts itself again in a session of its own,
 * and ends when that one serves or has failed. Its messages come on the same stderr.
 */
import { spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';

const READY_FD = 3;
const DAEMON_VARIABLE = 'SLUICE_DAEMON';

/** True in the process that startDaemon() started. */
export function isDaemon(): boolean {
  return process.env[DAEMON_VARIABLE] !== undefined;
}

/** Starts the daemon; resolves to the exit code for this process. */
export function startDaemon(): Promise<number> {
  const [, program = '', ...args] = process.argv;
  const daemon = spawn(process.execPath, [...process.execArgv, program, ...args], {
    detached: true,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    env: { ...process.env, [DAEMON_VARIABLE]: String(READY_FD) },
  });
  return new Promise((resolve, reject) => {
    daemon.once('error', reject);
    daemon.once('exit', (code) => resolve(code ?? 1));
    daemon.stdio[READY_FD]?.once('data', () => resolve(0));
  });
}

/** In the daemon: lets the process that was called end. */
export function tellStarted(): void {
  delete process.env[DAEMON_VARIABLE];
  try {
    writeSync(READY_FD, '\n');
  } catch {
    // The process that was called has been killed meanwhile: nobody waits.
  }
  closeSync(READY_FD);
}
