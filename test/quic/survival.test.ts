// Connections outlive the processes that began beside them: reloads and binary upgrades, in both ways of steering.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import type { Sluice } from '../support/sluice.ts';
import { digest, type Outcome } from './gtls-client.ts';
import { Nat } from './nat.ts';
import { type Quic, startQuic } from './serving.ts';
import { steeringModes } from './steering-modes.ts';

const RELOADS = Number(process.env.QUIC_RELOADS ?? 10);
const UPGRADES = Number(process.env.QUIC_UPGRADES ?? 3);
const DOWNLOADS = 6;

/** Short requests one after the other, each on a new connection, until stop(). */
class Load {
  readonly #outcomes: Outcome[] = [];
  readonly #done: Promise<unknown>;
  #ending = false;

  constructor(quic: Quic) {
    this.#done = Promise.all([this.#run(quic), this.#run(quic)]);
  }

  async stop(): Promise<readonly Outcome[]> {
    this.#ending = true;
    await this.#done;
    return this.#outcomes;
  }

  async #run({ get }: Quic): Promise<void> {
    while (!this.#ending) this.#outcomes.push(await get('/small'));
  }
}

function serve(t: Parameters<typeof startQuic>[0], main: string, file: Buffer): Promise<Quic> {
  return startQuic(
    t,
    'server { LISTEN; location /small { return 200 small; } location / { limit_rate 100k; } }',
    { 'file.bin': file },
    { workers: 2, main, daemon: true },
  );
}

async function upgrade(sluice: Sluice): Promise<void> {
  const old = await sluice.startNewBinary();
  await pause(300);
  sluice.signal('SIGQUIT', old);
  // its workers have connections still: the pid file's name tells when the next upgrade may begin
}

/** A file that takes as many seconds. */
function fileFor(seconds: number): Buffer {
  return randomBytes(seconds * 100_000);
}

for (const { name, main } of steeringModes(t)) {
  t.test(`${RELOADS} reloads lose no connection, ${name}`, async (t) => {
    const file = fileFor(6);
    const quic = await serve(t, main, file);
    const load = new Load(quic);
    const downloads: Promise<Outcome>[] = [];
    for (let i = 0; i < RELOADS; i++) {
      if (i < DOWNLOADS) downloads.push(quic.get('/file.bin'));
      await pause(150);
      const before = new Set(quic.sluice.workers());
      quic.sluice.signal('SIGHUP');
      await eventually(
        'new workers',
        () => quic.sluice.workers().filter((pid) => !before.has(pid)).length === 2,
      );
    }
    const outcomes = await Promise.all(downloads);
    for (const { bodies } of outcomes) t.equal(digest(bodies.get('file.bin')), digest(file), 'whole');
    const short = await load.stop();
    const failed = short.filter(({ statuses }) => statuses[0] !== 200);
    t.equal(failed.length, 0, `of ${short.length} short connections`);
    t.strictSame(quic.sluice.errorLog().match(/^.*\[(alert|emerg)\].*$/gm) ?? [], []);
  });

  t.test(`${UPGRADES} binary upgrades lose no connection, ${name}`, async (t) => {
    const file = fileFor(3);
    const quic = await serve(t, main, file);
    const load = new Load(quic);
    for (let i = 0; i < UPGRADES; i++) {
      const downloads = Array.from({ length: DOWNLOADS / 2 }, () => quic.get('/file.bin'));
      await pause(500);
      await upgrade(quic.sluice);
      for (const { bodies } of await Promise.all(downloads))
        t.equal(digest(bodies.get('file.bin')), digest(file), 'whole');
      await eventually(
        'the old master to go',
        () => !existsSync(quic.sluice.path('nginx.pid.oldbin')),
        10_000,
      );
    }
    const short = await load.stop();
    const failed = short.filter(({ statuses }) => statuses[0] !== 200);
    t.equal(failed.length, 0, `of ${short.length} short connections`);
    t.strictSame(quic.sluice.errorLog().match(/^.*\[(alert|emerg)\].*$/gm) ?? [], []);
  });

  t.test(`an upgrade that is taken back, ${name}`, async (t) => {
    const file = fileFor(3);
    const quic = await serve(t, main, file);
    const { sluice } = quic;
    const before = quic.get('/file.bin');
    await pause(500);
    const old = await sluice.startNewBinary();
    sluice.signal('SIGWINCH', old);
    const meanwhile = quic.get('/file.bin');
    await pause(500);
    sluice.signal('SIGHUP', old);
    await eventually('workers of the old master', () => sluice.workers(old).length >= 2);
    await pause(300);
    sluice.signal('SIGQUIT', sluice.pid);
    await eventually('the old master alone', () => sluice.running && sluice.pid === old, 10_000);
    t.strictSame((await quic.get('/small')).statuses, [200]);
    for (const { bodies } of await Promise.all([before, meanwhile]))
      t.equal(digest(bodies.get('file.bin')), digest(file), 'whole');
    t.strictSame(sluice.errorLog().match(/^.*\[(alert|emerg)\].*$/gm) ?? [], []);
  });
}

t.test('the token of a Retry is good for the workers that come after', async (t) => {
  const { sluice, client, port } = await startQuic(t, 'quic_retry on; server { LISTEN; return 200; }');
  const nat = new Nat(t, port);
  const address = await nat.listen();
  nat.hold();
  const outcome = client.get(address, ['/small']);
  await eventually('a Retry', () => nat.answers > 0);
  await sluice.reload();
  nat.release();
  const { statuses, log } = await outcome;
  t.strictSame(statuses, [200]);
  t.match(log, /type=Retry/);
});

t.test('clients of a worker that died are told by a stateless reset', async (t) => {
  const { sluice, get } = await startQuic(t, 'server { LISTEN; return 200; }');
  const request = get('/', { args: ['--delay-stream=3s', '--timeout=10s'] });
  await pause(1000);
  const [worker] = sluice.workers();
  if (worker !== undefined) process.kill(worker, 'SIGKILL');
  const { log } = await request;
  t.match(log, /ERR_DRAINING/);
  t.notMatch(log, /frm rx .* CONNECTION_CLOSE/, 'nobody could have sent that');
});
