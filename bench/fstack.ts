/**
 * What requests cost a worker on F-Stack, and one on the kernel, over the same kind of veth: `node bench/fstack.ts [SECONDS]`,
 * as root, with FF_PATH, after a build that found it. One worker on CPU 1, wrk on CPU 0. Prints the table of docs/fstack.md.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { FSTACK, Network } from '../test/fstack/real/network.ts';
import { afPacket, folder, ini, obstacle } from '../test/fstack/real/server.ts';
import { Sluice } from '../test/support/sluice.ts';
import { makeIdentity } from '../test/tls/certificates.ts';
import { dataThreadUse } from './cpu.ts';

const seconds = Number(process.argv[2] ?? 4);
const TICK_US = 1e6 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'latin1' }));

interface Stack {
  readonly name: string;
  /** `fstack_idle_sleep`; absent: the kernel's. */
  readonly idleSleep?: string;
}

const STACKS: readonly Stack[] = [
  { name: 'kernel' },
  { name: 'F-Stack, `fstack_idle_sleep 0`', idleSleep: '0' },
  { name: '`20us`', idleSleep: '20us' },
  { name: '`1ms`', idleSleep: '1ms' },
];

interface Row {
  readonly name: string;
  readonly path: string;
  readonly connections: number;
}

const LATENCY: Row = { name: '100 B, 1 connection: latency', path: 'http:/small', connections: 1 };
const ROWS: readonly Row[] = [
  { name: '100 B, 64 connections', path: 'http:/small', connections: 64 },
  LATENCY,
  { name: '100 B with TLS, 64 connections', path: 'https:/small', connections: 64 },
  { name: '1 MiB, 8 connections', path: 'http:/big', connections: 8 },
  { name: '1 MiB with TLS, 8 connections', path: 'https:/big', connections: 8 },
];

const steps: (() => void | Promise<void>)[] = [];
const cleanup = { teardown: (step: () => void | Promise<void>) => steps.push(step) };

async function cleanUp(): Promise<void> {
  for (const step of steps.splice(0).reverse()) await step();
}

async function startServer(network: Network, { idleSleep }: Stack): Promise<Sluice> {
  const directory = folder(cleanup);
  const big = `${directory}/big`;
  writeFileSync(big, Buffer.alloc(1024 * 1024, 'y'));
  const { certificate, key } = makeIdentity('fstack.test');
  const main =
    idleSleep === undefined
      ? 'worker_cpu_affinity 10;'
      : `fstack require; fstack_conf f-stack.conf; fstack_idle_sleep ${idleSleep}; ${afPacket(network)}`;
  if (idleSleep === undefined) network.addServerAddress();
  const sluice = new Sluice({
    program: network.program(directory),
    config: `events { worker_connections 4096; } http { access_log off; keepalive_requests 1000000000;
      server { listen 80; listen 443 ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem;
        location /small { return 200 "${'x'.repeat(100)}"; }
        location /big { alias ${big}; } } }`,
    main,
    files: {
      'f-stack.conf': ini().replace('lcore_mask=1', 'lcore_mask=2'),
      'cert.pem': certificate,
      'key.pem': key,
    },
  });
  cleanup.teardown(() => sluice.remove());
  return await sluice.start();
}

/** Of all CPUs, but for their idle time. */
function machineMicroseconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = readFileSync('/proc/stat', 'latin1')
    .split('\n')[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) * TICK_US;
}

function measure(network: Network, worker: number, { path, connections, name }: Row): string {
  const [scheme, rest] = path.split(':');
  const before = { worker: dataThreadUse(worker).cpu, machine: machineMicroseconds() };
  const report = network.run(
    ...(['taskset', '--cpu-list', '0', 'wrk', '--threads=1', `--connections=${connections}`] as const),
    ...[`--duration=${seconds}s`, '--timeout=10s', `${scheme}://${FSTACK}${rest}`],
  );
  const requests = Number(/(\d+) requests in/.exec(report)?.[1]);
  const [trouble] = /Socket errors:.*|Non-2xx.*/.exec(report) ?? [];
  if (trouble) process.stderr.write(`${name}: ${trouble}\n`);
  if (name === LATENCY.name) return /Latency +(\S+)/.exec(report)?.[1] ?? '?';
  const each = dataThreadUse(worker).cpu - before.worker;
  const whole = machineMicroseconds() - before.machine;
  const cost = (us: number): string =>
    us / requests > 500 ? `${(us / requests / 1000).toFixed(2)} ms` : `${(us / requests).toFixed(1)} µs`;
  const rate = Math.round(requests / seconds).toLocaleString('en');
  return `${cost(each)} (${cost(whole)}), ${rate}`;
}

async function idle(worker: number): Promise<string> {
  const before = dataThreadUse(worker).cpu;
  await sleep(1000 * seconds);
  return `${((dataThreadUse(worker).cpu - before) / seconds / 10_000).toFixed(0)} %`;
}

async function column(stack: Stack): Promise<string[]> {
  const network = new Network(cleanup).addVeth();
  try {
    const sluice = await startServer(network, stack);
    const [worker = 0] = sluice.workers();
    await sleep(500);
    return [await idle(worker), ...ROWS.map((row) => measure(network, worker, row))];
  } finally {
    await cleanUp();
  }
}

const reason = obstacle();
if (reason !== undefined) throw new Error(`there is no F-Stack to measure: ${reason}`);
const columns: string[][] = [];
for (const stack of STACKS) columns.push(await column(stack));
const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
process.stdout.write(line(['', ...STACKS.map(({ name }) => name)]));
process.stdout.write(line(['', ...STACKS].map(() => '---')));
for (const [i, name] of ['idle', ...ROWS.map((row) => row.name)].entries())
  process.stdout.write(line([name, ...columns.map((cells) => cells[i] ?? '')]));
