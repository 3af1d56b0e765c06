import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { script, startServing } from './serving.ts';

const ECHO = readFileSync(join(import.meta.dirname, '../../conf/webtransport-echo.mjs'), 'utf8');

t.test(
  'streams of both kinds and datagrams, both ways; the log tells of the session at its end',
  async (t) => {
    const { page, sluice } = await startServing(t, { echo: ECHO });
    const tab = await page();
    const echoed = await tab.evaluate(
      script(`const session = await connect('/echo?a=b');
      const { readable, writable } = await session.createBidirectionalStream();
      send(writable, 'both ways');
      const both = await text(readable);
      send(await session.createUnidirectionalStream(), 'one way');
      const { value } = await session.incomingUnidirectionalStreams.getReader().read();
      const one = await text(value);
      const writer = session.datagrams.writable.getWriter();
      writer.write(new TextEncoder().encode('a datagram'));
      const datagram = new TextDecoder().decode((await session.datagrams.readable.getReader().read()).value);
      session.close();
      await session.closed;
      return { both, one, datagram };`),
    );
    t.strictSame(echoed, { both: 'both ways', one: 'one way', datagram: 'a datagram' });
    const bytes = 'both waysone waya datagram'.length;
    const line = new RegExp(`^/echo 200 ${bytes} http://127\\.0\\.0\\.1:\\d+$`, 'm');
    await eventually('the session in the access log', () =>
      line.test(readFileSync(sluice.path('access.log'), 'utf8')),
    );
  },
);

t.test('streams that the handler opens; its view of the client', async (t) => {
  const { page, port } = await startServing(t, {
    told: `export async function handle(session) {
      await session.ready;
      const { header, peerAddress, userData } = session;
      const told = new TextEncoder().encode(JSON.stringify({ header, peerAddress, userData }));
      const { readable, writable } = await session.createBidirectionalStream();
      const writer = writable.getWriter();
      await writer.write(told);
      await writer.close();
      for await (const piece of readable) await session.datagrams.createWritable().getWriter().write(piece);
      // Not before the client has it all: what a session's end finds unacknowledged has failed there.
      await session.datagrams.readable.getReader().read();
      session.close({ closeCode: 7, reason: 'all is said' });
    }
    export const accept = ({ header }) => ({ userData: { path: header[':path'] } });`,
  });
  const tab = await page();
  const { told, datagram, closed } = (await tab.evaluate(
    script(`const session = await connect('/told?x=y');
      const { value: { readable, writable } } = await session.incomingBidirectionalStreams.getReader().read();
      const told = JSON.parse(await text(readable));
      const datagrams = session.datagrams.readable.getReader();
      await send(writable, 'thanks');
      const datagram = new TextDecoder().decode((await datagrams.read()).value);
      const writer = session.datagrams.writable.getWriter();
      const asking = setInterval(() => writer.write(new Uint8Array(1)).catch(() => undefined), 20);
      const { closeCode, reason } = await session.closed;
      clearInterval(asking);
      return { told, datagram, closed: { closeCode, reason } };`),
  )) as {
    told: { header: Record<string, string>; peerAddress: string; userData: unknown };
    datagram: string;
    closed: unknown;
  };
  t.match(told.header, {
    ':method': 'CONNECT',
    ':protocol': 'webtransport',
    ':scheme': 'https',
    ':path': '/told?x=y',
    ':authority': `127.0.0.1:${port}`,
    origin: `http://127.0.0.1:${port}`,
  });
  t.equal(told.peerAddress, '127.0.0.1');
  t.strictSame(told.userData, { path: '/told?x=y' });
  t.equal(datagram, 'thanks');
  t.strictSame(closed, { closeCode: 7, reason: 'all is said' });
});

t.test('code and reason of a client that closes; codes of streams that are given up', async (t) => {
  const { page, sluice } = await startServing(t, {
    told: `import { appendFileSync } from 'node:fs';
    const note = (what) => appendFileSync(new URL('./notes', import.meta.url), JSON.stringify(what) + '\\n');
    export async function handle(session) {
      const incoming = session.incomingBidirectionalStreams.getReader();
      const { value: { readable, writable } } = await incoming.read();
      const reset = await readable.getReader().read().then(() => 'read', String);
      note({ reset });
      await writable.abort({ code: 200 });
      const { closeCode, reason } = await session.closed;
      note({ closeCode, reason });
    }`,
  });
  const tab = await page();
  const code = await tab.evaluate(
    script(`const session = await connect('/told');
      const { readable, writable } = await session.createBidirectionalStream();
      const writer = writable.getWriter();
      await writer.write(new Uint8Array(0));
      await writer.abort(new WebTransportError({ message: 'no', streamErrorCode: 100 }));
      const code = await readable.getReader().read().then(() => -1, (error) => error.streamErrorCode);
      session.close({ closeCode: 4_000_000_000, reason: 'höflich' });
      return code;`),
  );
  t.equal(code, 200);
  const notes = (): string => readFileSync(sluice.path('notes'), 'utf8');
  await eventually('the close', () => notes().split('\n').length > 2);
  const [first, second] = notes().split('\n');
  t.match(first, /Resetstream with code:100/);
  t.strictSame(JSON.parse(second ?? ''), { closeCode: 4_000_000_000, reason: 'höflich' });
});

t.test(
  'a handler that throws costs its session, and the error log has a line; the worker lives on',
  async (t) => {
    const { page, sluice } = await startServing(t, {
      at: `export async function handle() { throw new Error('thrown at once'); }`,
      later: `export async function handle(session) {
      await session.ready;
      setTimeout(() => { throw new RangeError('thrown later'); }, 1);
      await session.closed;
    }`,
      rejected: `export function handle() { void Promise.reject(new TypeError('rejected')); }`,
      echo: ECHO,
      broken: 'export const nothing = 1;',
      wrong: 'this is no module',
      unwanted: `export const accept = ({ header }) => ({ status: header.origin ? 403 : 200 });
      export function handle() {}`,
    });
    const before = sluice.workers();
    const tab = await page();
    const closed = async (path: string): Promise<unknown> =>
      tab.evaluate(
        script(`const session = await connect('${path}').catch((error) => ({ closed: Promise.resolve(error.name) }));
        const how = await session.closed;
        return typeof how === 'string' ? how : how.closeCode + ' ' + how.reason;`),
      );
    for (const path of ['/at', '/later', '/rejected'])
      t.equal(await closed(path), '500 handler failed', path);
    for (const path of ['/broken', '/wrong', '/unwanted', '/page', '/missing'])
      t.equal(await closed(path), 'WebTransportError', path);
    const line = (file: string, what: string): RegExp =>
      new RegExp(
        `\\[error\\].*webtransport handler "[^"]*${file}.mjs" failed: ${what}.*, client: 127.0.0.1, server`,
      );
    t.match(sluice.errorLog(), line('at', 'Error: thrown at once at .*at.mjs:1'));
    t.match(sluice.errorLog(), line('later', 'RangeError: thrown later'));
    t.match(sluice.errorLog(), line('rejected', 'TypeError: rejected'));
    t.match(sluice.errorLog(), line('broken', 'TypeError: it exports no function "handle"'));
    t.match(sluice.errorLog(), line('wrong', 'SyntaxError'));
    const statuses = (): string => readFileSync(sluice.path('access.log'), 'utf8');
    await eventually(
      'the statuses',
      () => /\/broken 500/.test(statuses()) && /\/unwanted 403/.test(statuses()),
    );
    const echoed = await tab.evaluate(
      script(`const session = await connect('/echo');
      const { readable, writable } = await session.createBidirectionalStream();
      send(writable, 'still here');
      return text(readable);`),
    );
    t.equal(echoed, 'still here');
    t.strictSame(sluice.workers(), before);
  },
);

t.test('10 MB there and back, over several streams of several sessions at once', async (t) => {
  const { page } = await startServing(t, { echo: ECHO });
  const tab = await page();
  const same = await tab.evaluate(
    script(`const size = 2_500_000;
      const bytes = Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255);
      const echo = async (session) => {
        const { readable, writable } = await session.createBidirectionalStream();
        const [back] = await Promise.all([all(readable), send(writable, bytes)]);
        return back.length === size && back.every((byte, i) => byte === bytes[i]);
      };
      const sessions = await Promise.all([connect('/echo'), connect('/echo')]);
      return Promise.all([...sessions, ...sessions].map(echo));`),
  );
  t.strictSame(same, [true, true, true, true]);
});

t.test(
  'a session goes on over a reload, and its handler knows that the worker is about to end',
  async (t) => {
    const noting = `import { writeFileSync } from 'node:fs';
    import * as echo from './echo.mjs';
    export function handle(session) {
      session.draining.then(() => writeFileSync(new URL('./draining', import.meta.url), ''));
      return echo.handle(session);
    }`;
    const http = 'lingering_timeout 100ms;';
    const { page, sluice } = await startServing(t, { echo: ECHO, noting }, { http });
    const tab = await page();
    await tab.evaluate(
      script(`globalThis.session = await connect('/noting');
      globalThis.echo = async (what) => {
        const { readable, writable } = await session.createBidirectionalStream();
        send(writable, what);
        return text(readable);
      };`),
    );
    t.equal(await tab.evaluate(`echo('before')`), 'before');
    const [before] = sluice.workers();
    sluice.signal('SIGHUP');
    await eventually('a new worker', () => sluice.workers().some((pid) => pid !== before));
    await eventually('the old worker to be told', () => sluice.logged(/gracefully shutting down/) === 1);
    t.equal(await tab.evaluate(`echo('after')`), 'after');
    t.ok(existsSync(sluice.path('draining')));
    await tab.evaluate(`session.close(); session.closed.then(() => undefined)`);
    await eventually('the old worker to go', () => !sluice.workers().includes(before ?? 0));
  },
);
