/**
 * A network namespace of its own: no port is taken there, nothing else uses the loopback device, and its congestion
 * control is reno. A host's bbr paces what it sends and so distorts bodies over loopback.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';

const INSIDE = 'SLUICE_BENCH_ISOLATED';
const CONGESTION_CONTROL = '/proc/sys/net/ipv4/tcp_congestion_control';

/** Runs this very program again in a namespace, and exits with its exit code; returns if that can't be had. */
export function enterNamespace(): void {
  if (process.env[INSIDE]) return;
  const unshare = process.getuid?.() === 0 ? ['--net'] : ['--net', '--map-root-user'];
  if (spawnSync('unshare', [...unshare, 'true']).status !== 0) return;
  // Both get the signals of a terminal; only the inner one ends by them.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined);
  const { status, signal } = spawnSync('unshare', [...unshare, process.execPath, ...process.argv.slice(1)], {
    env: { ...process.env, [INSIDE]: '1' },
    stdio: 'inherit',
  });
  process.exit(status ?? 128 + constants.signals[signal ?? 'SIGKILL']);
}

/** Sets up the loopback device of the namespace; returns in words on what network the run takes place. */
export function prepareNetwork(): string {
  if (process.env[INSIDE]) {
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    writeFileSync(CONGESTION_CONTROL, 'reno');
  }
  const control = readFileSync(CONGESTION_CONTROL, 'latin1').trim();
  return `${process.env[INSIDE] ? 'loopback of a namespace' : "the host's loopback"}, ${control}`;
}
