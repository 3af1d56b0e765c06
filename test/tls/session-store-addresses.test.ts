/** Sentinels, a cluster, TLS: the session store's other addresses. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { RedisServer } from '../support/redis.ts';
import type { Cleanup } from '../support/sluice.ts';
import { makeIdentity } from './certificates.ts';
import { STATEFUL, startHost, storeIs, VERSIONS, visit, written } from './stored-sessions.ts';

/** Two hosts resume each other's sessions. */
async function check(
  t: Cleanup & { ok(value: unknown, what: string): unknown },
  address: string,
  words = '',
  times = 1,
): Promise<void> {
  const options = { more: `timeout=5s ${words}` };
  const keys = `${STATEFUL} ssl_session_ticket_keys cluster;`;
  const [one, other] = await Promise.all([
    startHost(t, address, keys, options),
    startHost(t, address, keys, options),
  ]);
  await storeIs(one, 'up');
  await storeIs(other, 'up');
  let kept = 0;
  for (const version of VERSIONS) {
    for (let time = 0; time < times; time++) {
      const { session } = await visit(one, version);
      kept += version === 'TLSv1.3' ? 2 : 1;
      await written(one, kept);
      t.ok((await visit(other, version, session)).resumed, version);
    }
  }
}

t.test('sentinels', async (t) => {
  const redis = await RedisServer.start(t);
  const sentinel = await RedisServer.startSentinel(t, 'kept', redis.port);
  await check(t, `redis+sentinel://127.0.0.1:${sentinel.port}/kept`);
});

t.test('a sentinel that makes another server the master', async (t) => {
  const master = await RedisServer.start(t);
  const replica = await RedisServer.start(t, '--replicaof', '127.0.0.1', String(master.port));
  const sentinel = await RedisServer.startSentinel(t, 'kept', master.port);
  await sentinel.with((client) =>
    eventually(
      'the replica to be known',
      async () => {
        const known = await client.call('SENTINEL', 'REPLICAS', 'kept');
        return Array.isArray(known) && known.length === 1;
      },
      20_000,
    ),
  );
  const address = `redis+sentinel://127.0.0.1:${sentinel.port}/kept`;
  const host = await startHost(t, address, STATEFUL);
  await storeIs(host, 'up');
  const { session } = await visit(host, 'TLSv1.2');
  await written(host, 1);
  await replica.with((client) =>
    eventually('the replica to have it', async () => (await client.keys('*')).length > 0, 20_000),
  );
  await sentinel.with(async (client) => {
    await client.call('SENTINEL', 'FAILOVER', 'kept');
    await eventually(
      'the other master',
      async () =>
        String(await client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'kept')).endsWith(`,${replica.port}`),
      20_000,
    );
  });
  await master.kill();
  await eventually(
    'a session of before',
    async () => (await visit(host, 'TLSv1.2', session)).resumed,
    20_000,
  );
});

t.test('TLS, with an authority of its own', async (t) => {
  const authority = makeIdentity('authority', { authority: true });
  const { certificate, key } = makeIdentity('localhost', { issuer: authority });
  const folder = mkdtempSync(join(tmpdir(), 'redis-tls-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const ca = file('ca', authority.certificate);
  const redis = await RedisServer.start(
    t,
    ...['--tls-port', 'PORT', '--tls-auth-clients', 'no', '--tls-ca-cert-file', ca],
    ...['--tls-cert-file', file('certificate', certificate), '--tls-key-file', file('key', key)],
  );
  await check(t, `rediss://localhost:${redis.port}`, `tls_ca=${ca}`);
  const stranger = await startHost(t, `rediss://localhost:${redis.port}`, STATEFUL);
  await eventually('the line', () => stranger.sluice.logged(/is left alone.*certificate/) === 1);
});

t.test('a cluster, whose nodes have a part of the keys each', async (t) => {
  const slots = [
    [0, 5460],
    [5461, 10922],
    [10923, 16383],
  ] as const;
  const words = [
    '--cluster-enabled',
    'yes',
    '--cluster-announce-ip',
    '127.0.0.1',
    '--cluster-port',
    'ANOTHER',
  ];
  const nodes = await Promise.all(slots.map(() => RedisServer.start(t, ...words)));
  const met: string[][] = [];
  for (const [i, node] of nodes.entries()) {
    await node.with(async (client) => {
      await client.cluster('ADDSLOTSRANGE', ...(slots[i] ?? []));
      for (const other of met) await client.call('CLUSTER', 'MEET', '127.0.0.1', ...other);
      const [, port = '', bus = ''] = /:(\d+)@(\d+)/.exec(String(await client.cluster('NODES'))) ?? [];
      met.push([port, bus]);
    });
  }
  for (const node of nodes) {
    await node.with((client) =>
      eventually(
        'the cluster',
        async () => {
          const info = await client.cluster('INFO');
          return /cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(info);
        },
        30_000,
      ),
    );
  }
  await check(t, `redis+cluster://127.0.0.1:${nodes[0]?.port}`, '', 20);
  const held = await Promise.all(nodes.map((node) => node.with((client) => client.dbsize())));
  t.ok(
    held.every((keys) => keys > 0),
    `each node has some: ${held.join(', ')}`,
  );
});
