/** Over the real F-Stack: workers of a reload, and of another binary, take over from those before, and nobody notices. */
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { eventually } from '../../support/eventually.ts';
import { type Sluice, startSluice } from '../../support/sluice.ts';
import { makeIdentity } from '../../tls/certificates.ts';
import { type Cleanup, FSTACK, Network } from './network.ts';
import { afPacket, folder, ini, obstacle, start, warnings } from './server.ts';
import type { Visits } from './visitors.ts';

const SIZE = 24 * 1024 * 1024;
/** Longer than anything that happens meanwhile. */
const RATE = '3m';

const skip = obstacle() ?? false;
if (skip !== false) process.stderr.write(`test:fstack: skipped, for ${skip}\n`);
t.setTimeout(180_000);

async function startServer(t: Cleanup, network: Network, workers: number): Promise<Sluice> {
  const file = join(folder(t), 'long');
  writeFileSync(file, 'y'.repeat(SIZE));
  const { certificate, key } = makeIdentity('fstack.test');
  const http = `
    server { listen 80; listen 443 ssl; listen 443 quic; ssl_certificate cert.pem; ssl_certificate_key key.pem;
      location / { return 200 $pid; }
      location /long { alias ${file}; limit_rate ${RATE}; } }`;
  const files = { 'cert.pem': certificate, 'key.pem': key };
  return start(t, network, { http, files, workers, main: afPacket(network), daemon: true });
}

/** Requests by new connections, and downloads by old ones, while `change` happens. */
async function withVisitors(t: Cleanup, network: Network, change: () => Promise<void>) {
  const long = [
    '--silent',
    '--show-error',
    '--insecure',
    '--output',
    '/dev/null',
    '--write-out',
    '%{size_download}',
  ];
  const url = (scheme: string, path: string): string => `${scheme}://${FSTACK}${path}`;
  const directory = folder(t);
  const downloads = ['http', 'https'].map((scheme) => network.start('curl', ...long, url(scheme, '/long')));
  const overQuic = network.start(
    'gtlsclient',
    '--quiet',
    '--exit-on-all-streams-close',
    `--download=${directory}`,
    ...[FSTACK, '443', url('https', '/long')],
  );
  const visitors = network.start(
    process.execPath,
    join(import.meta.dirname, 'visitors.ts'),
    ...[url('http', '/'), url('https', '/')],
  );
  await sleep(500);
  await change();
  await sleep(500);
  visitors.stdin?.end();
  const visits: Visits = JSON.parse(await output(visitors));
  const sizes = await Promise.all(downloads.map(output));
  if (overQuic.exitCode === null) await once(overQuic, 'exit');
  return { visits, sizes: [...sizes.map(Number), statSync(join(directory, 'long')).size] };
}

async function output({ stdout }: { readonly stdout: AsyncIterable<Buffer> | null }): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of stdout ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

for (const workers of [1, 2]) {
  t.test(`reloads with ${workers} of the workers`, { skip }, async (t) => {
    const network = new Network(t).addVeth();
    const sluice = await startServer(t, network, workers);
    const first = sluice.workers().map(String);
    const { visits, sizes } = await withVisitors(t, network, async () => {
      for (let i = 0; i < 2; i++) {
        sluice.signal('SIGHUP');
        await eventually('the old workers to drain', () => quitting(sluice) >= (i + 1) * workers, 20_000);
      }
    });
    t.strictSame(visits.failures, []);
    t.strictSame(sizes, [SIZE, SIZE, SIZE], 'what had begun came to its end: HTTP/1, TLS, HTTP/3');
    t.ok(
      first.every((pid) => visits.bodies.includes(pid)),
      'the first workers served',
    );
    await eventually('the old workers to end', () => sluice.workers().length === workers, 20_000);
    const last = sluice.workers().map(String);
    t.ok(
      last.some((pid) => visits.bodies.includes(pid)),
      'then others',
    );
    t.notOk(last.some((pid) => first.includes(pid)));
    t.strictSame(warnings(sluice), []);
    t.equal(sluice.logged(/exited on signal/), 0);
  });
}

const quitting = (sluice: Sluice): number => sluice.logged(/\d+#\d+: gracefully shutting down/);

t.test('another binary takes over', { skip }, async (t) => {
  const network = new Network(t).addVeth();
  const sluice = await startServer(t, network, 1);
  const [before] = sluice.workers();
  const { visits, sizes } = await withVisitors(t, network, async () => {
    const old = await sluice.startNewBinary(20_000);
    await sleep(1500);
    sluice.signal('SIGWINCH', old);
    await eventually('the old worker to drain', () => quitting(sluice) === 1);
    sluice.signal('SIGQUIT', old);
  });
  t.strictSame(visits.failures, []);
  t.strictSame(sizes, [SIZE, SIZE, SIZE]);
  t.strictSame(visits.bodies, [before, ...sluice.workers()].map(String));
  t.strictSame(warnings(sluice), []);
});

/** The old worker has its connections in the table two seconds after it was superseded. */
for (const [when, patience] of [
  ['at once', 0],
  ['later', 2500],
] as const) {
  t.test(`another binary gives back ${when}`, { skip }, async (t) => {
    const network = new Network(t).addVeth();
    const sluice = await startServer(t, network, 1);
    const before = sluice.workers();
    const { visits, sizes } = await withVisitors(t, network, async () => {
      await sluice.startNewBinary(20_000);
      await eventually(
        'both to serve',
        () => sluice.workers().includes(Number(network.curl(`http://${FSTACK}/`))),
        20_000,
      );
      await sleep(patience);
      const young = Number(readFileSync(sluice.path('nginx.pid'), 'latin1'));
      sluice.signal('SIGQUIT', young);
      await eventually('it to go', () => !existsSync(`/proc/${young}`), 30_000);
    });
    t.strictSame(visits.failures, []);
    t.strictSame(sizes, [SIZE, SIZE, SIZE]);
    t.equal(visits.bodies.length, 2, 'both have served');
    t.strictSame(sluice.workers(), before);
    t.equal(network.curl(`http://${FSTACK}/`), String(before[0]));
  });
}

// https://nginx.org/en/docs/control.html#upgrade: the way back when the old workers have been told to go, here
// before those that come have started F-Stack.
t.test('the old binary starts workers anew, the new one goes', { skip }, async (t) => {
  const network = new Network(t).addVeth();
  const sluice = await startServer(t, network, 1);
  const { visits, sizes } = await withVisitors(t, network, async () => {
    const old = await sluice.startNewBinary(20_000);
    sluice.signal('SIGWINCH', old);
    await eventually('the old worker to drain', () => quitting(sluice) === 1, 20_000);
    const draining = sluice.workers(old);
    sluice.signal('SIGHUP', old);
    const serves = (): boolean => {
      const pid = Number(network.curl(`http://${FSTACK}/`));
      return sluice.workers(old).includes(pid) && !draining.includes(pid);
    };
    await eventually('another one to serve', serves, 20_000);
    const young = sluice.pid;
    sluice.signal('SIGQUIT', young);
    await eventually('the new binary to go', () => !existsSync(`/proc/${young}`), 30_000);
  });
  t.strictSame(visits.failures, []);
  t.strictSame(sizes, [SIZE, SIZE, SIZE]);
  t.equal(visits.bodies.length, 3);
  t.strictSame(warnings(sluice), []);
});

t.test('from the kernel to F-Stack and back', { skip }, async (t) => {
  const network = new Network(t).addVeth();
  const http = 'events { } http { access_log off; server { listen 80; return 200 $pid; } }';
  const sluice = await startSluice(t, {
    program: network.program(folder(t)),
    config: http,
    files: { 'f-stack.conf': ini() },
  });
  t.throws(() => network.curl(`http://${FSTACK}/`), 'the kernel has no such address');
  await sluice.reload(`fstack_conf f-stack.conf; ${afPacket(network)} ${http}`);
  t.equal(network.curl(`http://${FSTACK}/`), String(sluice.workers()[0]));
  t.equal(sluice.logged(/listening on 0.0.0.0:80 is for F-Stack from now on/), 1);
  await sluice.reload(http);
  t.throws(() => network.curl('--connect-timeout', '1', `http://${FSTACK}/`), 'F-Stack is off');
  t.strictSame(warnings(sluice), []);
});
