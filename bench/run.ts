/**
 * Compares Sluice with its peers side by side:
 *
 *   node bench/run.ts [--quick] [--repeats N] [--seconds N] [row …]
 *
 * Rows are named by any part of their names. The table goes to stdout, and with a plot into bench/results/.
 * Needs wrk, h2load and strace; peers that aren't installed are left out. As root, a namespace of its own is used.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeCertificate } from './handshakes.ts';
import { enterNamespace, prepareNetwork } from './isolation.ts';
import { startOrigin } from './load.ts';
import {
  BASELINE,
  PEERS,
  type Peer,
  type RunningPeer,
  type Surroundings,
  startPeer,
  versionOf,
} from './peers.ts';
import { svg } from './plot.ts';
import { stopAll } from './processes.ts';
import { RESULTS } from './programs.ts';
import { type Finding, markdown, type Report, rounded } from './report.ts';
import { FILES, ROWS, type Row } from './rows.ts';

const LAST_RESORT_MS = 15 * 60_000;

interface Extent {
  readonly repeats: number;
  readonly seconds: number;
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, repeats: { type: 'string' }, seconds: { type: 'string' } },
});
const extent: Extent = {
  repeats: Number(options.repeats ?? (options.quick ? 3 : 5)),
  seconds: Number(options.seconds ?? (options.quick ? 1 : 2)),
};
const rows = ROWS.filter(
  ({ name }) => !positionals.length || positionals.some((part) => name.includes(part)),
);
if (!rows.length) {
  say(`no row is called so; there are: ${ROWS.map(({ name }) => name).join(', ')}`);
  process.exit(1);
}

enterNamespace();
/** Whatever hangs, a run ends. */
setTimeout(() => {
  say('not done within the time for a whole run');
  void end(1);
}, LAST_RESORT_MS).unref();
const directory = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end(130));
try {
  const report = await compare();
  writeFileSync(join(RESULTS, 'results.md'), markdown(report));
  writeFileSync(join(RESULTS, 'results.svg'), svg(report));
  process.stdout.write(`\n${markdown(report)}`);
  await end(0);
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  await end(1);
}

async function compare(): Promise<Report> {
  const network = prepareNetwork();
  const installed: { peer: Peer; name: string; version: string }[] = [];
  for (const peer of PEERS) {
    const version = await versionOf(peer);
    if (version === undefined) say(`${peer.name} is left out: ${peer.program} doesn't run`);
    else installed.push({ peer, name: peer.name, version });
  }
  const surroundings = await prepareSurroundings();
  const peers = installed.map(({ peer }) => peer);
  const running = new Map<Peer, RunningPeer>();
  for (const peer of peers) running.set(peer, await startPeer(peer, surroundings));
  const findings: Finding[] = [];
  for (const row of rows) {
    const applicable = peers.filter((peer) => row.applies(peer));
    findings.push(await measure(row, applicable, running, surroundings));
  }
  return {
    peers: installed,
    baseline: BASELINE.name,
    findings,
    circumstances: [
      `medians of ${extent.repeats} interleaved repeats of ${extent.seconds} s; in brackets the median of the paired ratios to ${BASELINE.name}`,
      'one worker each, on a core of its own; access logs off; CPU time of all processes, user and system',
      `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}; ${network}`,
    ],
  };
}

/** A B C A B C …: what disturbs the machine for a while disturbs all of a repeat. */
async function measure(
  row: Row,
  peers: readonly Peer[],
  running: ReadonlyMap<Peer, RunningPeer>,
  surroundings: Surroundings,
): Promise<Finding> {
  const values = new Map<string, number[]>(peers.map(({ name }) => [name, []]));
  for (let repeat = 0; repeat < (row.repeats ?? extent.repeats); repeat++) {
    for (const peer of peers) {
      const subject = row.fresh ? await startPeer(peer, surroundings) : running.get(peer)!;
      const value = await row.measure(subject, extent.seconds).catch((error: unknown) => {
        throw new Error(`${row.name}, ${peer.name}: ${error instanceof Error ? error.message : error}`);
      });
      if (row.fresh) await subject.stop();
      values.get(peer.name)!.push(value);
    }
  }
  const summary = [...values].map(([name, each]) => `${name} ${each.map(rounded).join(' ')}`);
  say(`${row.name} (${row.unit}): ${summary.join('; ')}`);
  return { row, values };
}

async function prepareSurroundings(): Promise<Surroundings> {
  const files = join(directory, 'files');
  mkdirSync(files);
  for (const [name, size] of Object.entries(FILES)) writeFileSync(join(files, name), 'x'.repeat(size));
  const certificate = join(directory, 'certificate.pem');
  await makeCertificate(certificate);
  return { directory, files, certificate, origin: await startOrigin() };
}

async function end(code: number): Promise<never> {
  await stopAll();
  rmSync(directory, { recursive: true, force: true });
  process.exit(code);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
