/** Sluice over the real F-Stack, as the tests here start it. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAddon } from '../../../src/fstack-binding/addon.ts';
import { describeFstack } from '../../../src/fstack-binding/fstack.ts';
import { eventually } from '../../support/eventually.ts';
import { type Sluice, startSluice } from '../../support/sluice.ts';
import { CLIENT, type Cleanup, FSTACK, type Network } from './network.ts';

export const ORIGIN_PORT = 9000;

/** Why there is nothing to test here. */
export function obstacle(): string | undefined {
  if (process.env.FF_PATH === undefined) return 'FF_PATH is not set';
  if (process.geteuid?.() !== 0) return 'network namespaces need root';
  const fstack = describeFstack(loadAddon);
  return 'missing' in fstack ? fstack.missing : undefined;
}

const FILE_PREFIX = `sluice-test-${process.pid}`;
const DPDK_FOLDERS = ['/var/run/dpdk', '/tmp/dpdk', '/dev/hugepages'];

/** What DPDK has left behind of this test's workers. */
export function leftovers(): string[] {
  const found = DPDK_FOLDERS.filter((path) => existsSync(path)).flatMap((path) => readdirSync(path));
  return found.filter((name) => name.includes(FILE_PREFIX));
}

/** A CPU for each worker, from 0 on. */
export function ini(workers = 1): string {
  return `[dpdk]
lcore_mask=${(2 ** workers - 1).toString(16)}
channel=4
promiscuous=1
numa_on=0
idle_sleep=20
pkt_tx_delay=0
no_huge=1
memory=512
file_prefix=${FILE_PREFIX}
port_list=0
[port0]
addr=${FSTACK}
netmask=255.255.255.0
broadcast=10.77.0.255
gateway=${CLIENT}
[freebsd.boot]
hz=100
net.inet.tcp.syncache.hashsize=4096
net.inet.tcp.tcbhashsize=65536
[freebsd.sysctl]
kern.ipc.somaxconn=32768
net.inet.tcp.sendspace=65536
net.inet.tcp.recvspace=65536
`;
}

/** A folder for the test's programs and files. */
export function folder(t: Cleanup): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-fstack-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

/** Of the client's side; it has begun to listen. */
export async function startOrigin(network: Network): Promise<void> {
  const origin = network.start(
    process.execPath,
    join(import.meta.dirname, 'origin.ts'),
    CLIENT,
    `${ORIGIN_PORT}`,
  );
  await new Promise((resolve) => origin.stdout?.once('data', resolve));
}

export interface ServerOptions {
  readonly http: string;
  readonly main?: string;
  readonly files?: Record<string, string>;
  readonly workers?: number;
  readonly daemon?: boolean;
}

export function start(
  t: Cleanup,
  network: Network,
  { http, main = '', files = {}, workers = 1, ...others }: ServerOptions,
): Promise<Sluice> {
  return startSluice(t, {
    program: network.program(folder(t)),
    config: `events { worker_connections 4096; } http { access_log off; client_max_body_size 2m; ${http} }`,
    main: `fstack_conf f-stack.conf; ${main}`,
    files: { 'f-stack.conf': ini(workers), ...files },
    workers,
    ...others,
  });
}

export const afPacket = ({ device }: Network): string => `fstack_device net_af_packet0,iface=${device};`;

export function freeHugepages(): number {
  return Number(/HugePages_Free:\s+(\d+)/.exec(readFileSync('/proc/meminfo', 'latin1'))?.[1] ?? 0);
}

/** While a new worker starts F-Stack clients have to try again. */
export function answer(network: Network, url: string): Promise<string> {
  return eventually('an answer', () => tryCurl(network, url), 20_000);
}

export function tryCurl(network: Network, url: string): string | undefined {
  try {
    return network.curl('--connect-timeout', '1', url);
  } catch {
    return undefined;
  }
}

export function warnings(sluice: Sluice): string[] {
  return sluice.errorLog().match(/^.*\[warn\].*F-Stack.*$/gm) ?? [];
}
