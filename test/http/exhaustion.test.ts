/** What runs out: disk, descriptors, connections. Said in the log, survived, and over when there is room again. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { type OriginRequest, respondWith, startOrigin } from '../support/origin.ts';
import { get, type RawClient } from '../support/raw-client.ts';
import { type Cleanup, Sluice } from '../support/sluice.ts';
import { proxyTo } from './proxying.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A file system of 1 MB in a directory that goes with the test; nothing where that may not be done. */
function smallDisk(t: Cleanup): string | undefined {
  const holder = new Sluice({ config: '' });
  const path = holder.path('disk');
  mkdirSync(path);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', path], { stdio: 'ignore' });
  } catch {
    t.teardown(() => holder.remove());
    return undefined;
  }
  t.teardown(async () => {
    execFileSync('umount', ['-l', path]);
    await holder.remove();
  });
  return path;
}

t.test('disk full', async (t) => {
  const disk = smallDisk(t);
  if (disk === undefined) {
    t.comment('skipped: it needs the right to mount');
    return;
  }
  const size = 40_000_000;
  const answer = Buffer.alloc(size, 'abcdefghij');
  const origin = await startOrigin(t, ({ socket, head }: OriginRequest) => {
    if (head.startsWith('POST')) {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    socket.write(answer);
  });
  const { client, sluice, exchange } = await proxyTo(t, [origin], {
    server: `client_max_body_size 0; client_body_temp_path ${disk}/body; client_body_buffer_size 8k;`,
    location: `proxy_temp_path ${disk}/proxy;`,
  });
  await t.test('an answer goes on without its file, at the pace of the client', async (t) => {
    const slow = client();
    slow.socket.pause();
    slow.send(GET);
    await eventually('the disk to be full', () =>
      sluice.logged(/\[crit\] .*write\(\) "[^"]*\/disk\/proxy\/\d+" failed \(28: /),
    );
    slow.socket.resume();
    const { body } = await slow.response({ milliseconds: 10_000 });
    t.ok(body === answer.toString('latin1'), 'every byte arrives, in order');
    t.equal(
      (await slow.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n').response()).status,
      200,
    );
  });
  await t.test('a request that does not fit is answered with 500', async (t) => {
    const large = client();
    large.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n${'x'.repeat(3_000_000)}`);
    t.equal((await large.response()).status, 500);
    t.match(
      sluice.errorLog(),
      /\[crit\] .*pwrite\(\) "[^"]*\/disk\/body\/\d+" failed \(28: .*client: 127.0.0.1/,
    );
    const small = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`;
    t.equal((await exchange(small)).status, 200, 'the room is free again');
  });
  await t.test('a directory that cannot be written', async (t) => {
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    t.teardown(() => void execFileSync('mount', ['-o', 'remount,rw', disk]));
    t.equal(
      (await exchange(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n${'x'.repeat(9000)}`))
        .status,
      500,
    );
    const slow = client();
    slow.socket.pause();
    slow.send(GET);
    await eventually('the failure', () =>
      sluice.logged(/\[crit\] .*disk\/proxy.* \(30: Read-only file system\)/),
    );
    slow.socket.resume();
    t.equal((await slow.response({ milliseconds: 10_000 })).body.length, size);
  });
});

/** Connections with a request each that the origin has not answered. */
async function occupy(count: number, client: () => RawClient, seen: () => number): Promise<RawClient[]> {
  const clients = Array.from({ length: count }, () => client().send(GET));
  const before = seen();
  await eventually(
    'the requests',
    () => seen() - before >= 1 || clients.some((made) => made.socket.destroyed),
  );
  return clients;
}

t.test('descriptors run out, and come back', async (t) => {
  const waiting: OriginRequest[] = [];
  const origin = await startOrigin(t, (request) => waiting.push(request));
  const { client, sluice, port } = await proxyTo(t, [origin], { main: 'worker_rlimit_nofile 100;' });
  const clients = await occupy(80, client, () => waiting.length);
  await eventually('the log', () =>
    sluice.logged(
      /\[crit\] .*accept4\(\) failed \(24: Too many open files\)|\[alert\] .*socket\(\) failed \(24: |connect\(\) .*failed \(24: /,
    ),
  );
  for (const made of clients) made.close();
  await eventually('descriptors', async () => {
    const answered = get(port).catch(() => undefined);
    await eventually(
      'a request or an answer',
      () => waiting.some(({ socket }) => !socket.destroyed),
      1500,
    ).catch(() => undefined);
    for (const request of waiting.splice(0)) if (!request.socket.destroyed) respondWith('ok')(request);
    return (await answered)?.status === 200;
  });
  t.pass('new connections are served');
  t.equal(sluice.workers().length, 1);
  t.notMatch(sluice.errorLog(), /exited on signal/);
});

t.test('worker_connections run out: idle ones make room', async (t) => {
  const waiting: OriginRequest[] = [];
  const origin = await startOrigin(t, (request) => {
    if (request.head.includes('/wait')) waiting.push(request);
    else respondWith('ok', ['Connection: close'])(request);
  });
  const { client, sluice, exchange } = await proxyTo(t, [origin], { events: 'worker_connections 32;' });
  const idle = Array.from({ length: 40 }, () => client());
  await eventually('the connections', () => idle.every((made) => !made.socket.connecting));
  const first = idle.at(-1)!;
  t.equal(
    (await first.send(GET).response()).status,
    200,
    'who has asked nothing yet makes room, the oldest first',
  );
  for (let i = 0; i < 40; i++) t.equal((await client().send(GET).response()).status, 200);
  t.match(sluice.errorLog(), /\[warn\] .*32 worker_connections are not enough, reusing connections/);
  t.equal(sluice.logged(/\[alert\]/), 0, 'so does who waits for a next request');
  t.ok(idle.filter((made) => made.socket.destroyed || made.socket.readableEnded).length > 8);
  await t.test('busy ones are not given up', async (t) => {
    const busy = Array.from({ length: 15 }, () => client().send('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n'));
    await eventually('the requests', () => waiting.length >= 12);
    const more = Array.from({ length: 20 }, () => client().send('GET /wait HTTP/1.1\r\nHost: a\r\n\r\n'));
    const gone = (): number =>
      more.filter((made) => made.socket.destroyed || made.socket.readableEnded).length;
    await eventually('those refused', () => gone() >= 18);
    for (const request of waiting.splice(0)) respondWith('late')(request);
    const answers = await Promise.all(busy.map((made) => made.response().then(({ status }) => status)));
    t.ok(answers.filter((status) => status === 200).length >= 12);
    for (const made of [...busy, ...more]) made.close();
  });
  await eventually('room', async () => (await exchange(GET).catch(() => undefined))?.status === 200);
});
