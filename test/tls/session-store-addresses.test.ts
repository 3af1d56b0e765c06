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
    const { session } = await visit(one, version);
    kept += version === 'TLSv1.3' ? 2 : 1;
    await written(one, kept);
    t.ok((await visit(other, version, session)).resumed, version);
  }
}

t.test('sentinels', async (t) => {
  const redis = await RedisServer.start(t);
  const sentinel = await RedisServer.startSentinel(t, 'kept', redis.port);
  await check(t, `redis+sentinel://127.0.0.1:${sentinel.port}/kept`);
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

t.test('a cluster', async (t) => {
  const node = await RedisServer.start(
    t,
    ...['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'],
    ...['--cluster-port', 'ANOTHER'],
  );
  await node.with(async (client) => {
    await client.cluster('ADDSLOTSRANGE', 0, 16383);
    await eventually('the cluster', async () => (await client.cluster('INFO')).includes('cluster_state:ok'));
  });
  await check(t, `redis+cluster://127.0.0.1:${node.port}`);
});
