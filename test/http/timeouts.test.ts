/** Slow clients are held to their time-outs, and what they keep waiting is bounded. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { respondWith, startOrigin } from '../support/origin.ts';
import { get, RawClient } from '../support/raw-client.ts';
import type { Cleanup } from '../support/sluice.ts';
import { proxyTo } from './proxying.ts';
import { serve } from './serving.ts';

/** How long the server takes to close, in ms. */
async function closing(client: RawClient, within = 5000): Promise<number> {
  const started = Date.now();
  await client.end(within);
  return Date.now() - started;
}

/** A turn's time is that of its beginning: on a busy machine it lags a little, and so does whoever watches. */
const about = (expected: number, milliseconds: number): boolean =>
  milliseconds >= expected - 100 && milliseconds < expected + 1000;

/** Memory of its own, in KB: proc(5). */
function residentKb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^RssAnon:\s+(\d+)/m.exec(text)?.[1]);
}

t.test('a client that is slow to ask', async (t) => {
  const origin = await startOrigin(t, respondWith('ok'));
  const { client, sluice } = await proxyTo(t, [origin], {
    http: `log_format statuses '$status $request_method';`,
    server: `access_log statuses.log statuses; client_header_timeout 400ms; client_body_timeout 600ms; keepalive_timeout 200ms;
      lingering_timeout 300ms; lingering_time 700ms; location = /return { return 403; }`,
  });
  const trickle = async (made: RawClient): Promise<void> => {
    for (let i = 0; i < 20 && !made.socket.destroyed; i++, await sleep(50)) made.send('x');
  };

  const silent = client();
  t.ok(about(400, await closing(silent)), 'client_header_timeout counts from the start');

  const half = client().send('GET / HTTP/1.1\r\nHost: a\r\nX-Trickle: ');
  const trickled = trickle(half);
  t.ok(about(400, await closing(half)), 'it is for the whole head, not between two octets');
  await trickled;

  const body = client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n');
  await sleep(400);
  body.send('x');
  t.ok(about(600, await closing(body)), 'client_body_timeout is between two reads');

  const kept = client().send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  t.equal((await kept.response()).status, 200);
  t.ok(about(200, await closing(kept)), 'keepalive_timeout');

  const refused = client().send(
    'POST /return HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\nConnection: close\r\n\r\n',
  );
  const lingering = trickle(refused);
  t.equal((await refused.response()).status, 403);
  refused.socket.removeAllListeners('end');
  await lingering;
  await eventually('lingering to end', () => refused.socket.destroyed || refused.socket.errored);

  await eventually('the log', () => readFileSync(sluice.path('statuses.log'), 'latin1').includes('403'));
  t.same(readFileSync(sluice.path('statuses.log'), 'latin1').split('\n').slice(0, 4), [
    '408 GET',
    '408 POST',
    '200 GET',
    '403 POST',
  ]);
  t.equal(sluice.logged(/client timed out \(110: .*\) while reading client request headers/), 1);
});

t.test('between requests and within them other limits hold', async (t) => {
  const origin = await startOrigin(t, respondWith('ok'));
  const start = (limits: string) =>
    proxyTo(t, [origin], { server: `${limits} location = /at-once { return 200 x; }` });
  const patient = await start('client_header_timeout 20s; keepalive_timeout 200ms;');
  const brisk = await start('client_header_timeout 200ms; keepalive_timeout 20s;');
  for (const path of ['/', '/at-once']) {
    const asked = async ({ client }: typeof patient): Promise<RawClient> => {
      const made = client().send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      t.equal((await made.response()).status, 200);
      return made;
    };
    t.ok(about(200, await closing(await asked(patient))), `${path}: keepalive_timeout`);
    for (const begun of ['GET', '\r\n']) {
      const client = (await asked(brisk)).send(begun);
      t.ok(
        about(200, await closing(client)),
        `${path}: client_header_timeout after ${JSON.stringify(begun)}`,
      );
    }
    const pipelined = brisk.client().send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\nGET`);
    t.equal((await pipelined.response()).status, 200);
    t.ok(about(200, await closing(pipelined)), `${path}: client_header_timeout of a pipelined one`);
  }
});

t.test('a client that is slow to read', async (t) => {
  const size = 24_000_000;
  const { port, sluice } = await serve(
    t,
    `server { listen LISTEN; send_timeout 500ms; root .; location /rst { alias file; reset_timedout_connection on; } }`,
    { file: 'x'.repeat(size) },
  );
  const stalled = await slowClient(t, port, '/file');
  const reset = await slowClient(t, port, '/rst');
  await sleep(1200);
  t.equal(sluice.logged(/client timed out \(110: .*\)/), 2, 'send_timeout');
  reset.socket.resume();
  await t.rejects(reset.end(), { code: 'ECONNRESET' }, 'reset_timedout_connection');
  stalled.socket.resume();
  t.ok((await stalled.end()).length < size);

  const slow = await slowClient(t, port, '/file');
  const started = Date.now();
  slow.socket.on('data', () => {
    slow.socket.pause();
    setTimeout(() => slow.socket.resume(), 3);
  });
  slow.socket.resume();
  t.equal((await slow.response({ milliseconds: 10_000 })).body.length, size);
  t.ok(Date.now() - started > 1000, 'one that takes a little now and then may go on for longer');
  t.equal(sluice.logged(/client timed out/), 2);
});

t.test('a slow client, a fast upstream: what is between them is bounded', async (t) => {
  const chunk = Buffer.alloc(1_000_000, 'x');
  const total = 100;
  const sent = new Map<string, number>();
  const origin = await startOrigin(t, async ({ socket, head }) => {
    const path = head.split(' ')[1]!;
    if (path === '/') {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total * chunk.length}\r\n\r\n`);
    for (let i = 0; i < total && !socket.destroyed; i++) {
      if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
      sent.set(path, i + 1);
    }
  });
  const { port, sluice } = await proxyTo(t, [origin], {
    server: `
      location /file { proxy_max_temp_file_size 10m; proxy_pass http://origins; }
      location /memory { proxy_max_temp_file_size 0; proxy_pass http://origins; }
      location /unbuffered { proxy_buffering off; proxy_pass http://origins; }
    `,
  });
  await get(port);
  const [worker] = sluice.workers();
  const before = residentKb(worker!);
  const paths = ['/file', '/memory', '/unbuffered'];
  const clients = await Promise.all(paths.map((path) => slowClient(t, port, path)));
  let last = -1;
  await eventually('the upstream to be held', async () => {
    const now = [...sent.values()].reduce((sum, value) => sum + value, 0);
    const steady = now === last && sent.size === 3;
    last = now;
    await sleep(500);
    return steady;
  });
  for (const path of paths)
    t.ok(sent.get(path)! < 40, `${path}: the upstream has to wait (${sent.get(path)} MB)`);
  t.ok(residentKb(worker!) - before < 4000, `memory: ${residentKb(worker!) - before} KB more`);
  t.equal(sluice.logged(/an upstream response is buffered to a temporary file/), 1);
  for (const made of clients) made.socket.resume();
  const length = total * chunk.length;
  await Promise.all(
    clients.map(async (made, i) => {
      const { body } = await made.response({ milliseconds: 15_000 });
      t.equal(body.length, length, `${paths[i]}: all of it arrives`);
    }),
  );
});

async function slowClient(t: Cleanup, port: number, path: string): Promise<RawClient> {
  const made = new RawClient(port);
  t.teardown(() => made.close());
  made.socket.pause();
  made.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  return made;
}
