/** `ssl_session_ticket_keys cluster`: tickets of one host are good on all. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { RedisServer } from '../support/redis.ts';
import type { Secure } from './secure.ts';
import { type Host, startHost, storeIs, VERSIONS, visit } from './stored-sessions.ts';

const LONG = 'ssl_session_ticket_keys cluster rotate=1h;';
const QUICK = 'ssl_session_ticket_keys cluster rotate=2s;';

/** A ticket begins with its key's name. */
async function keyName({ connect }: Secure): Promise<string> {
  const socket = await connect({ maxVersion: 'TLSv1.2' });
  const name = socket.getTLSTicket()?.toString('hex', 0, 16) ?? '';
  socket.destroy();
  return name;
}

async function agree(one: Host, other: Host): Promise<string> {
  return eventually('one key', async () => {
    const [first, second] = [await keyName(one), await keyName(other)];
    return first === second ? first : '';
  });
}

t.test('tickets of one host are good on the other, 100 of 100, over rotations', async (t) => {
  const redis = await RedisServer.start(t);
  const address = `redis://127.0.0.1:${redis.port}`;
  const [one, other] = await Promise.all([startHost(t, address, QUICK), startHost(t, address, QUICK)]);
  await agree(one, other);
  for (const version of VERSIONS) {
    const names = new Set<string>();
    let resumed = 0;
    let count = 0;
    // at least a hundred, and at least three keys
    await eventually(
      'rotations',
      async () => {
        names.add(await keyName(one));
        const { session } = await visit(one, version);
        resumed += (await visit(other, version, session)).resumed ? 1 : 0;
        return ++count >= 100 && names.size >= 3;
      },
      30_000,
    );
    t.equal(resumed, count, `${version}: ${count} tickets, ${names.size} keys`);
  }
});

t.test('the keys outlive the store, in new workers too, and are put back', async (t) => {
  const redis = await RedisServer.start(t);
  const address = `redis://127.0.0.1:${redis.port}`;
  const [one, other] = await Promise.all([startHost(t, address, LONG), startHost(t, address, LONG)]);
  const name = await agree(one, other);
  const { session } = await visit(one, 'TLSv1.3');
  await redis.kill();
  await storeIs(one, 'down');
  await storeIs(other, 'down');
  await other.sluice.reload();
  t.equal(await keyName(other), name);
  t.ok((await visit(other, 'TLSv1.3', session)).resumed);
  // it comes back empty
  await redis.start();
  await storeIs(one, 'up');
  await storeIs(other, 'up');
  await eventually('the keys', () =>
    redis.with(async (client) => (await client.keys('sluice:{t*')).length > 0),
  );
  const third = await startHost(t, address, LONG);
  await eventually('the third host to learn it', async () => (await keyName(third)) === name);
  t.ok((await visit(third, 'TLSv1.3', session)).resumed);
});

t.test('hosts without the sealing key keep to themselves', async (t) => {
  const redis = await RedisServer.start(t);
  const address = `redis://127.0.0.1:${redis.port}`;
  const one = await startHost(t, address, LONG);
  await storeIs(one, 'up');
  const stranger = await startHost(t, address, LONG, { files: { seal: 'f'.repeat(64) } });
  await storeIs(stranger, 'up');
  const { session } = await visit(one, 'TLSv1.3');
  t.notOk((await visit(stranger, 'TLSv1.3', session)).resumed);
  const own = await visit(stranger, 'TLSv1.3');
  t.ok((await visit(stranger, 'TLSv1.3', own.session)).resumed);
  t.notMatch(readFileSync(stranger.sluice.path('error.log'), 'latin1'), /\[(alert|crit)\]/);
});

t.test('it needs a store', async (t) => {
  const refused = startHost(t, 'off', LONG);
  await t.rejects(refused, /"ssl_session_ticket_keys cluster" needs an "ssl_session_store"/);
});
