/** What a session store does to handshakes when it fails: a full one, and no more. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { RedisServer } from '../support/redis.ts';
import type { Cleanup } from '../support/sluice.ts';
import {
  type Host,
  STATEFUL,
  sessions,
  startHost,
  status,
  storeIs,
  visit,
  written,
} from './stored-sessions.ts';

const left = /ssl_session_store "[^"]+" is left alone/;
const back = /ssl_session_store "[^"]+" works again/;

/** Resumed from the store: this host has no zone. */
async function resumes(host: Host): Promise<boolean> {
  const count = async (): Promise<number> => {
    const { remote_kept: kept = 0, remote_lost: lost = 0 } = await sessions(host);
    return kept + lost;
  };
  const before = await count();
  const { session } = await visit(host, 'TLSv1.2');
  await eventually('the write', async () => (await count()) > before);
  return (await visit(host, 'TLSv1.2', session)).resumed;
}

t.test('killed, and started again', async (t) => {
  const redis = await RedisServer.start(t);
  const host = await startHost(t, `redis://127.0.0.1:${redis.port}`, STATEFUL);
  await storeIs(host, 'up');
  t.ok(await resumes(host));
  await redis.kill();
  await storeIs(host, 'down');
  t.notOk(await resumes(host));
  t.notOk(await resumes(host));
  t.ok((await sessions(host)).remote_skipped);
  t.equal(host.sluice.logged(left), 1);
  await redis.start();
  await storeIs(host, 'up');
  t.ok(await resumes(host));
  t.equal(host.sluice.logged(back), 1);
  t.equal(host.sluice.logged(left), 1);
});

t.test('away from the start', async (t) => {
  const redis = await RedisServer.start(t);
  await redis.kill();
  const host = await startHost(t, `redis://127.0.0.1:${redis.port}`, STATEFUL);
  t.notOk(await resumes(host));
  await eventually('the line', () => host.sluice.logged(left) === 1);
});

t.test('stopped: one handshake waits, the others go on', async (t) => {
  const redis = await RedisServer.start(t);
  const host = await startHost(t, `redis://127.0.0.1:${redis.port}`, STATEFUL, { more: 'timeout=1s' });
  await storeIs(host, 'up');
  const { session } = await visit(host, 'TLSv1.2');
  redis.signal('SIGSTOP');
  let waits = true;
  const late = visit(host, 'TLSv1.2', session).finally(() => {
    waits = false;
  });
  await visit(host, 'TLSv1.2');
  t.ok(waits, 'a handshake that asks nothing is not held up');
  t.notOk((await late).resumed);
  t.equal((await sessions(host)).remote_late, 1);
  await storeIs(host, 'down');
  t.equal(host.sluice.logged(left), 1);
  redis.signal('SIGCONT');
  await storeIs(host, 'up');
  t.ok(await resumes(host));
});

t.test('full', async (t) => {
  const redis = await RedisServer.start(t, '--maxmemory-policy', 'noeviction');
  const host = await startHost(t, `redis://127.0.0.1:${redis.port}`, STATEFUL);
  await storeIs(host, 'up');
  await redis.with((client) => client.config('SET', 'maxmemory', '1'));
  t.notOk(await resumes(host));
  await storeIs(host, 'full');
  t.notOk(await resumes(host));
  t.equal(host.sluice.logged(/takes no new sessions: OOM/), 1);
  await redis.with((client) => client.config('SET', 'maxmemory', '0'));
  await storeIs(host, 'up');
  t.ok(await resumes(host));
  t.equal(host.sluice.logged(/takes no new sessions: OOM/), 1);
  t.equal(host.sluice.logged(back), 1);
});

t.test('passwords: the right one, a wrong one, which is in no log', async (t) => {
  const redis = await RedisServer.start(t, '--requirepass', 'opensesame');
  const right = await startHost(t, `redis://:opensesame@127.0.0.1:${redis.port}`, STATEFUL);
  await storeIs(right, 'up');
  t.ok(await resumes(right));
  const wrong = await startHost(t, `redis://default:shibboleth@127.0.0.1:${redis.port}`, STATEFUL);
  t.notOk(await resumes(wrong));
  await eventually('the line', () => wrong.sluice.logged(left) === 1);
  t.match(wrong.sluice.errorLog(), /is left alone.*WRONGPASS/);
  t.notMatch(wrong.sluice.errorLog(), /shibboleth/);
});

/** Stands before a Redis, and answers in its place when told to. */
async function standIn(t: Cleanup, port: number): Promise<{ port: number; say(answer?: string): void }> {
  let instead: string | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    upstream.pipe(client);
    client.on('data', (data) => {
      if (instead === undefined) upstream.write(data);
      else client.write(instead);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    say(answer) {
      instead = answer;
    },
  };
}

for (const [what, answer] of [
  ['nothing', ''],
  ['half an answer', '$100\r\nhalf'],
  ['rubbish', '\0\xff%%rubbish\r\n\r\n'],
  ['a wrong type', ':42\r\n'],
  ['an error', '-LOADING Redis is loading the dataset in memory\r\n'],
] as const) {
  t.test(`${what} for an answer`, async (t) => {
    const redis = await RedisServer.start(t);
    const peer = await standIn(t, redis.port);
    const host = await startHost(t, `redis://127.0.0.1:${peer.port}`, STATEFUL, { more: 'timeout=300ms' });
    await storeIs(host, 'up');
    const { session } = await visit(host, 'TLSv1.2');
    await written(host, 1);
    peer.say(answer);
    t.notOk((await visit(host, 'TLSv1.2', session)).resumed);
    if (what === 'a wrong type') {
      t.equal((await sessions(host)).remote_unreadable, 1);
      return;
    }
    await storeIs(host, 'down');
    t.equal(host.sluice.logged(left), 1);
    peer.say();
    await storeIs(host, 'up');
    t.ok((await visit(host, 'TLSv1.2', session)).resumed);
  });
}

t.test('entries that none of our keys opens', async (t) => {
  const redis = await RedisServer.start(t);
  const host = await startHost(t, `redis://127.0.0.1:${redis.port}`, STATEFUL);
  await storeIs(host, 'up');
  const made = [];
  for (let i = 0; i < 3; i++) made.push(await visit(host, 'TLSv1.2'));
  await written(host, 3);
  await redis.with(async (client) => {
    const [first = '', second = '', third = ''] = await client.keys('sluice:s:*');
    const entry = (await client.getBuffer(first)) ?? Buffer.alloc(0);
    entry.writeUInt8(entry.readUInt8(entry.length - 1) ^ 1, entry.length - 1);
    await client.set(first, entry);
    await client.set(second, (await client.getBuffer(third)) ?? '');
    await client.set(third, '');
  });
  for (const { session } of made) t.notOk((await visit(host, 'TLSv1.2', session)).resumed);
  t.equal((await sessions(host)).remote_unreadable, 3);
  t.equal(host.sluice.logged(/has an entry that none of our keys opens/), 1);
  t.equal((await status(host)).tls?.handshakes_failed, 0);
});
