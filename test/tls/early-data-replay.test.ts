/** Early data is let in once, on whichever host or worker it comes again (RFC 8446, 8). */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { RedisServer } from '../support/redis.ts';
import type { Cleanup } from '../support/sluice.ts';
import { type Host, STATEFUL, startHost, status, storeIs } from './stored-sessions.ts';

const TICKETS = 'ssl_early_data on; ssl_session_ticket_keys cluster;';
/** quiet_seconds in native/tls/early_data_limit.h, and some more. */
const QUIET_MS = 6_000;
const KEPT = `ssl_early_data on; ${STATEFUL}`;

async function client(port: number, ...words: string[]): Promise<string> {
  const common = [
    's_client',
    '-tls1_3',
    '-connect',
    `127.0.0.1:${port}`,
    '-servername',
    'localhost',
    '-ign_eof',
  ];
  const running = promisify(execFile)('openssl', [...common, ...words], { timeout: 10_000 });
  if (!words.includes('-early_data')) running.child.stdin?.end('GET / HTTP/1.0\r\n\r\n');
  return running.then(
    ({ stdout }) => stdout,
    ({ stdout }) => stdout,
  );
}

/** Passes connections on to a port, and keeps what clients say at first. */
async function tap(t: Cleanup, port: number): Promise<{ port: number; flights: Buffer[] }> {
  const flights: Buffer[] = [];
  const server = createServer((socket) => {
    const upstream = connect(port, '127.0.0.1');
    for (const end of [socket, upstream]) end.on('error', () => undefined);
    let flight: Buffer | undefined = Buffer.alloc(0);
    socket.on('data', (data: Buffer) => {
      if (flight) flight = Buffer.concat([flight, data]);
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (flight) flights.push(flight);
      flight = undefined;
      socket.write(data);
    });
    socket.on('close', () => upstream.destroy());
    upstream.on('close', () => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  const address = server.address();
  return { port: typeof address === 'object' && address ? address.port : 0, flights };
}

/** Says once more what another connection has said. */
async function replay(port: number, flight: Buffer): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(flight);
  await once(socket, 'data');
  socket.destroy();
}

interface EarlyData {
  readonly let_in: number;
  readonly replayed: number;
  readonly refused: number;
  readonly limited: number;
}

async function earlyData(host: Host): Promise<Partial<EarlyData>> {
  return (await status(host)).early_data ?? {};
}

/** A session from `from`, and its early data to `to`: the answer, and what was said. */
async function sendEarly(t: Cleanup, from: Host, to: Host): Promise<{ answer: string; flight: Buffer }> {
  const session = from.sluice.path('session');
  const request = from.sluice.path('request');
  writeFileSync(request, 'GET / HTTP/1.0\r\n\r\n');
  await client(from.port, '-sess_out', session);
  const wire = await tap(t, to.port);
  const answer = await client(wire.port, '-sess_in', session, '-early_data', request);
  return { answer, flight: wire.flights[0] ?? Buffer.alloc(0) };
}

for (const [what, directives] of [
  ['by ticket', TICKETS],
  ['by a kept session', KEPT],
] as const) {
  t.test(`${what}: a replay is refused on every host`, async (t) => {
    const redis = await RedisServer.start(t);
    const address = `redis://127.0.0.1:${redis.port}`;
    const [one, other] = await Promise.all([
      startHost(t, address, directives),
      startHost(t, address, directives),
    ]);
    await storeIs(one, 'up');
    await storeIs(other, 'up');
    if (directives === TICKETS)
      await eventually('the keys', () => redis.with(async (c) => (await c.keys('sluice:{t*')).length));
    const { answer, flight } = await sendEarly(t, one, other);
    t.match(answer, /Early data was accepted/);
    t.match(answer, /\r\nr1/, 'from one host to the other');
    t.match(await earlyData(other), { let_in: 1, replayed: 0 });
    for (const host of [one, other]) {
      await replay(host.port, flight);
      await eventually('the refusal', async () => (await earlyData(host)).replayed === 1);
    }
    t.match(await earlyData(other), { let_in: 1, replayed: 1, refused: 0 });
    t.match(await earlyData(one), { let_in: 0, replayed: 1, refused: 0 });
  });
}

/** From the end of a ClientHello: one binder of SHA-384 with the lengths before it (RFC 8446, 4.2.11). */
const BINDERS = 2 + 1 + 48;
const TICKET_AGE = 4;

/** A flight whose ClientHello differs in one byte, so far from its end. */
function altered(flight: Buffer, fromEnd: number): Buffer {
  const copy = Buffer.from(flight);
  const at = 5 + copy.readUInt16BE(3) - fromEnd;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

for (const [what, directives] of [
  ['tickets', TICKETS],
  ['ids of kept sessions', KEPT],
] as const) {
  t.test(`${what}: what is made up takes no room in the store`, async (t) => {
    const redis = await RedisServer.start(t);
    const host = await startHost(t, `redis://127.0.0.1:${redis.port}`, directives);
    await storeIs(host, 'up');
    const noted = (): Promise<number> => redis.with(async (c) => (await c.keys('*:e:*')).length);
    const { answer, flight } = await sendEarly(t, host, host);
    t.match(answer, /Early data was accepted/);
    t.equal(await noted(), 1);
    for (const fromEnd of [1, 2, 3]) await replay(host.port, altered(flight, fromEnd));
    t.equal(await noted(), 1, 'the same with other binders');
    for (const beyond of [1, 2, 3]) {
      await replay(host.port, altered(flight, BINDERS + TICKET_AGE + beyond));
    }
    t.equal(await noted(), 1, 'another that nobody was given');
  });
}

t.test('more early data than a store has time or room for is refused', async (t) => {
  const MOST_AT_ONCE = 256;
  const BEYOND = 10;
  const redis = await RedisServer.start(t);
  const host = await startHost(t, `redis://127.0.0.1:${redis.port}`, TICKETS, { more: 'timeout=30s' });
  await storeIs(host, 'up');
  const { answer, flight } = await sendEarly(t, host, host);
  t.match(answer, /Early data was accepted/);
  redis.signal('SIGSTOP');
  for (let i = 0; i < MOST_AT_ONCE + BEYOND; i++) {
    const socket = connect(host.port, '127.0.0.1').on('error', () => undefined);
    t.teardown(() => void socket.destroy());
    socket.write(flight);
  }
  await eventually('the limit', async () => (await earlyData(host)).limited === BEYOND);
  t.match(await earlyData(host), { let_in: 1, replayed: 0, refused: 0 });
  redis.signal('SIGCONT');
  await eventually('the others', async () => (await earlyData(host)).replayed === MOST_AT_ONCE);
  t.match(await earlyData(host), { let_in: 1, limited: BEYOND, refused: 0 });
  t.equal(host.sluice.logged(/\[warn\].* would have to note too much early data, which is refused/), 1);
  t.equal(host.sluice.logged(/notes all early data again/), 0);
  await setTimeout(QUIET_MS);
  t.match((await sendEarly(t, host, host)).answer, /Early data was accepted/);
  t.equal(host.sluice.logged(/\[notice\].* notes all early data again/), 1);
});

t.test('with the store away early data is refused', async (t) => {
  const redis = await RedisServer.start(t);
  const host = await startHost(t, `redis://127.0.0.1:${redis.port}`, TICKETS);
  await storeIs(host, 'up');
  await redis.kill();
  await storeIs(host, 'down');
  const { answer } = await sendEarly(t, host, host);
  t.match(answer, /Early data was rejected/);
  t.match(answer, /^Reused, TLSv1.3/m, 'the session is good all the same');
  t.match(await earlyData(host), { let_in: 0, replayed: 0, refused: 1 });
});

t.test('without a store a shared zone guards this host', async (t) => {
  const host = await startHost(t, 'off', 'ssl_early_data on; ssl_session_cache shared:x:1m;', { workers: 2 });
  const { answer, flight } = await sendEarly(t, host, host);
  t.match(answer, /Early data was accepted/);
  for (const times of [1, 2]) {
    await replay(host.port, flight);
    await eventually('the refusal', async () => (await earlyData(host)).replayed === times);
  }
  t.match(await earlyData(host), { let_in: 1, refused: 0 });
});
