// Sessions over HTTP/2, with the client of @fails-components/webtransport: the handlers are those of HTTP/3.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { library } from '../../src/quic/webtransport/plug.ts';
import { eventually } from '../support/eventually.ts';
import { Capsule, CapsuleConnection, capsule, Setting } from './capsule-client.ts';
import { type Serving, script, startServing } from './serving.ts';

const ECHO = readFileSync(join(import.meta.dirname, '../../conf/webtransport-echo.mjs'), 'utf8');

type Session = InstanceType<typeof library.WebTransport>;

/** A session that is open. */
async function open({ http2Port, hash }: Serving, path: string): Promise<Session> {
  // That it is to speak HTTP/2 is an option of the library's own.
  const options = {
    forceReliable: true,
    serverCertificateHashes: [{ algorithm: 'sha-256', value: hash }],
  };
  const session = new library.WebTransport(`https://127.0.0.1:${http2Port}${path}`, options);
  session.closed.catch(() => undefined);
  await session.ready;
  return session;
}

async function all(readable: ReadableStream<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for (const reader = readable.getReader(); ; ) {
    const { value, done } = await reader.read();
    if (done) return Buffer.concat(pieces);
    pieces.push(value);
  }
}

async function send(writable: WritableStream<Uint8Array>, bytes: Uint8Array | string): Promise<void> {
  const writer = writable.getWriter();
  await writer.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
  await writer.close();
}

async function next<T>(stream: ReadableStream<T>): Promise<T> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  if (value === undefined) throw new Error('nothing came');
  return value;
}

t.test(
  'streams of both kinds and datagrams, both ways; the log tells of the session at its end',
  async (t) => {
    const serving = await startServing(t, { echo: ECHO });
    const session = await open(serving, '/echo?a=b');
    t.equal(session.reliability, 'reliable-only');
    const { readable, writable } = await session.createBidirectionalStream();
    await send(writable, 'both ways');
    t.equal(String(await all(readable)), 'both ways');
    await send(await session.createUnidirectionalStream(), 'one way');
    t.equal(String(await all(await next(session.incomingUnidirectionalStreams))), 'one way');
    await session.datagrams.createWritable().getWriter().write(Buffer.from('a datagram'));
    t.equal(String(Buffer.from(await next(session.datagrams.readable))), 'a datagram');
    session.close({ closeCode: 0, reason: '' });
    // Capsules' heads are none of it.
    const bytes = 'both waysone waya datagram'.length;
    const line = new RegExp(`^/echo 200 ${bytes} 127\\.0\\.0\\.1$`, 'm');
    await eventually('the session in the access log', () =>
      line.test(readFileSync(serving.sluice.path('access.log'), 'utf8')),
    );
  },
);

t.test('one handler serves Chromium over HTTP/3 and another client over HTTP/2', async (t) => {
  const serving = await startServing(t, {
    told: `export async function handle(session) {
      await session.ready;
      const { header, reliability, peerAddress, userData } = session;
      const writer = (await session.createUnidirectionalStream()).getWriter();
      await writer.write(new TextEncoder().encode(JSON.stringify({ header, reliability, peerAddress, userData })));
      await writer.close();
      const { value: readable } = await session.incomingUnidirectionalStreams.getReader().read();
      for await (const piece of readable) userData.last = new TextDecoder().decode(piece);
      const { value: { writable } } = await session.incomingBidirectionalStreams.getReader().read();
      const answer = writable.getWriter();
      await answer.write(new TextEncoder().encode(userData.last));
      await answer.close();
      await session.closed;
    }
    export const accept = ({ header }) => ({ userData: { path: header[':path'] } });`,
  });
  const session = await open(serving, '/told?x=y');
  const tab = await serving.page();
  const overHttp3 = (await tab.evaluate(
    script(`const session = await connect('/told?x=y');
      const told = await text((await session.incomingUnidirectionalStreams.getReader().read()).value);
      await send(await session.createUnidirectionalStream(), 'and back');
      const { readable, writable } = await session.createBidirectionalStream();
      const writer = writable.getWriter();
      writer.write(new Uint8Array(1));
      return { told: JSON.parse(told), answer: await text(readable) };`),
  )) as { told: Record<string, unknown>; answer: string };
  const told = JSON.parse(String(await all(await next(session.incomingUnidirectionalStreams))));
  await send(await session.createUnidirectionalStream(), 'and back');
  const { readable, writable } = await session.createBidirectionalStream();
  await writable.getWriter().write(new Uint8Array(1));
  const overHttp2 = { told, answer: String(await all(readable)) };
  session.close();
  for (const { told, answer } of [overHttp2, overHttp3]) {
    t.match(told.header, {
      ':method': 'CONNECT',
      ':protocol': 'webtransport',
      ':scheme': 'https',
      ':path': '/told?x=y',
    });
    t.match(told, { peerAddress: '127.0.0.1', userData: { path: '/told?x=y' } });
    t.equal(answer, 'and back');
  }
  t.equal(overHttp2.told.reliability, 'reliable-only');
  t.equal(overHttp3.told.reliability, 'supports-unreliable');
});

t.test('codes of sessions that are closed, and of streams that are given up, both ways', async (t) => {
  const serving = await startServing(t, {
    told: `import { appendFileSync } from 'node:fs';
    const note = (what) => appendFileSync(new URL('./notes', import.meta.url), JSON.stringify(what) + '\\n');
    export async function handle(session) {
      const incoming = session.incomingBidirectionalStreams.getReader();
      const { value: first } = await incoming.read();
      note({ reset: await first.readable.getReader().read().then(() => 'read', String) });
      const { value: second } = await incoming.read();
      await second.writable.abort({ code: 200 });
      const { value: third } = await incoming.read();
      note({ stopped: await third.writable.getWriter().closed.then(() => 'closed', String) });
      await third.readable.cancel({ code: 150 });
      const { closeCode, reason } = await session.closed;
      note({ closeCode, reason });
    }`,
    closes: `export async function handle(session) {
      await session.ready;
      session.close({ closeCode: 4_000_000_000, reason: 'höflich' });
    }`,
  });
  const notes = (): string[] => readFileSync(serving.sluice.path('notes'), 'utf8').trimEnd().split('\n');
  const session = await open(serving, '/told');
  const first = await session.createBidirectionalStream();
  await first.writable.abort({ code: 100 });
  const second = await session.createBidirectionalStream();
  await t.rejects(all(second.readable), /Resetstream with code:200/);
  const third = await session.createBidirectionalStream();
  await third.readable.cancel({ code: 50 });
  await t.rejects(third.writable.getWriter().closed, /StopSending with code:150/);
  session.close({ closeCode: 8, reason: 'enough' });
  await eventually('the close', () => notes().length === 3);
  t.match(notes()[0], /Resetstream with code:100/);
  t.match(notes()[1], /StopSending with code:50/);
  t.strictSame(JSON.parse(notes()[2] ?? ''), { closeCode: 8, reason: 'enough' });
  const other = await open(serving, '/closes');
  t.match(await other.closed, { closeCode: 4_000_000_000, reason: 'höflich' });
});

t.test('10 MB there and back, over several streams of several sessions at once', async (t) => {
  const serving = await startServing(t, { echo: ECHO });
  const size = 2_500_000;
  const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255);
  const echo = async (session: Session): Promise<boolean> => {
    const { readable, writable } = await session.createBidirectionalStream();
    const [back] = await Promise.all([all(readable), send(writable, bytes)]);
    return back.equals(bytes);
  };
  const sessions = await Promise.all([open(serving, '/echo'), open(serving, '/echo')]);
  t.strictSame(await Promise.all([...sessions, ...sessions].map(echo)), [true, true, true, true]);
  for (const session of sessions) session.close();
});

t.test('what the server allows is said in its SETTINGS, and grows as handlers read', async (t) => {
  const server = 'webtransport_max_streams 4; webtransport_buffer_size 8k; webtransport_max_sessions 3;';
  const { http2Port } = await startServing(t, { echo: ECHO }, { server });
  const connection = await CapsuleConnection.open(t, http2Port);
  t.strictSame(connection.settings, {
    [Setting.maxSessions]: 3,
    [Setting.data]: 8 * 8192,
    [Setting.unidirectionalStreamData]: 8192,
    [Setting.bidirectionalStreamData]: 8192,
    [Setting.unidirectionalStreams]: 4,
    [Setting.bidirectionalStreams]: 4,
  });
  const client = await connection.connect('/echo');
  for (let i = 0; i < 40; i++) {
    const stream = 4 * i;
    const allowed = (): number => Math.max(4, ...client.numbers(Capsule.maxBidirectionalStreams).flat());
    await client.until('room for streams', () => i < allowed());
    client.send(capsuleOf(stream, Buffer.alloc(8192, i)));
    await client.until('room for more of it', () =>
      client.numbers(Capsule.maxStreamData).some(([id, most = 0]) => id === stream && most > 8192),
    );
    client.send(capsuleOf(stream, 'the end', true));
    await client.until('the echo', () => client.received(stream).ended);
    if (client.received(stream).bytes.length !== 8192 + 'the end'.length)
      t.fail(`stream ${stream} is not whole`);
  }
  const most = client.numbers(Capsule.maxData).flat();
  t.ok(Math.max(...most) > 40 * 8192, 'the session has grown with its streams');
  t.strictSame(
    [...most].sort((a, b) => a - b),
    most,
  );
});

t.test('a connection that is to end says so to its sessions, which go on', async (t) => {
  const draining = `import { writeFileSync } from 'node:fs';
    import * as echo from './echo.mjs';
    export function handle(session) {
      session.draining.then(() => writeFileSync(new URL('./draining', import.meta.url), ''));
      return echo.handle(session);
    }`;
  const { http2Port, sluice } = await startServing(
    t,
    { echo: ECHO, draining },
    { http: 'lingering_timeout 100ms;' },
  );
  const [before] = sluice.workers();
  const connection = await CapsuleConnection.open(t, http2Port);
  const client = await connection.connect('/draining');
  sluice.signal('SIGHUP');
  await client.until('the drain', () => client.of(Capsule.drain).length === 1);
  await eventually('the handler', () => sluice.logged(/gracefully shutting down/) === 1);
  client.send(capsuleOf(0, 'still here', true));
  await client.until('the echo', () => client.received(0).ended);
  client.stream.end();
  await eventually('the old worker to go', () => !sluice.workers().includes(before ?? 0));
});

function capsuleOf(stream: number, bytes: Buffer | string, last = false): Buffer {
  return capsule(last ? Capsule.lastOfStream : Capsule.stream, stream, bytes);
}
