// Hosts that share a session store: what one has given to a client is good on the other.
import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { RedisServer } from '../support/redis.ts';
import { GtlsClient } from './gtls-client.ts';
import { Nat } from './nat.ts';
import { type Quic, startQuic } from './serving.ts';
import { isRetried, newToken } from './token-client.ts';

const ADDRESSES = ['127.0.0.1', '127.0.0.2'] as const;
const SEAL = randomBytes(32).toString('hex');

interface HostOptions {
  readonly address?: string;
  readonly port?: number;
  /** Further directives of the http block. */
  readonly http?: string;
  readonly files?: Record<string, string | Uint8Array>;
}

function startHost(t: Test, redis: RedisServer, options: HostOptions = {}): Promise<Quic> {
  const { http = '', files = {}, ...listening } = options;
  const store = `ssl_session_store redis://127.0.0.1:${redis.port} key_file=seal;`;
  return startQuic(
    t,
    `quic_retry on; ${store} ${http} server { LISTEN; return 200; }`,
    { seal: SEAL, ...files },
    listening,
  );
}

/** Whether a token of the first host is good for the other one. */
async function believes(t: Test, one: Quic, other: Quic): Promise<boolean> {
  const from = '127.0.0.1';
  const token = await newToken(t, one.port, { from, host: one.address });
  return !(await isRetried(t, other.port, { from, host: other.address, token }));
}

function agreed(t: Test, one: Quic, other: Quic): Promise<unknown> {
  const both = async (): Promise<boolean> =>
    (await believes(t, one, other)) && (await believes(t, other, one));
  return eventually('a shared key', both, 20_000);
}

/** Two hosts at the same port, and the way of a client to them. */
async function startBalanced(t: Test): Promise<{ nat: Nat; port: number; client: GtlsClient }> {
  const redis = await RedisServer.start(t);
  const port = await freePort();
  const one = await startHost(t, redis, { address: ADDRESSES[0], port });
  const other = await startHost(t, redis, { address: ADDRESSES[1], port });
  await agreed(t, one, other);
  const nat = new Nat(t, port);
  return { nat, port: await nat.listen(), client: new GtlsClient(t) };
}

t.test('tokens of NEW_TOKEN frames', async (t) => {
  const redis = await RedisServer.start(t);
  const [one, other] = await Promise.all([startHost(t, redis), startHost(t, redis)]);
  await agreed(t, one, other);
  await one.sluice.reload();
  t.ok(await believes(t, one, other), 'of a new worker');
  t.ok(await believes(t, other, one), 'for a new worker');
});

t.test('the token of a Retry packet', async (t) => {
  const { nat, port, client } = await startBalanced(t);
  nat.hold();
  const outcome = client.get(port, ['/']);
  await eventually('a Retry', () => nat.answers > 0);
  nat.host = ADDRESSES[1];
  nat.release();
  const { statuses, log } = await outcome;
  t.strictSame(statuses, [200]);
  t.equal(log.match(/pkt rx .*type=Retry/g)?.length, 1);
});

t.test('a stateless reset', async (t) => {
  const { nat, port, client } = await startBalanced(t);
  const outcome = client.get(port, ['/'], { stays: true, args: ['--delay-stream=1s', '--timeout=20s'] });
  await eventually('the handshake', () => nat.established);
  nat.host = ADDRESSES[1];
  const { log, statuses } = await outcome;
  t.strictSame(statuses, []);
  t.match(log, /ERR_DRAINING/);
  t.notMatch(log, /frm rx .* CONNECTION_CLOSE/, 'the other host could not have sent that');
});

t.test('the key outlives the store, in new workers too, and is put back', async (t) => {
  const redis = await RedisServer.start(t);
  const [one, other] = await Promise.all([startHost(t, redis), startHost(t, redis)]);
  await agreed(t, one, other);
  await redis.kill();
  for (const { sluice } of [one, other])
    await eventually('the line', () => sluice.logged(/is left alone/) === 1);
  await other.sluice.reload();
  t.ok(await believes(t, one, other));
  t.ok(await believes(t, other, one));
  const alone = await startHost(t, redis);
  t.ok(await believes(t, alone, alone), 'a host that has never seen the store has its own key');
  t.notOk(await believes(t, one, alone));
  const token = await newToken(t, alone.port);
  // it comes back empty
  await redis.start();
  await agreed(t, one, alone);
  await agreed(t, other, alone);
  t.notOk(await isRetried(t, alone.port, { token }), 'what its own key has made is still good');
  for (const { sluice } of [one, other, alone]) t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});

t.test('quic_host_key goes before the store', async (t) => {
  const redis = await RedisServer.start(t);
  const files = { own: randomBytes(32) };
  const keyed = { http: 'quic_host_key own;', files };
  const one = await startHost(t, redis, keyed);
  const same = await startHost(t, redis, keyed);
  const [other, another] = await Promise.all([startHost(t, redis), startHost(t, redis)]);
  await agreed(t, other, another);
  t.ok(await believes(t, one, same));
  t.notOk(await believes(t, one, other));
  t.notOk(await believes(t, other, one));
});

t.test('hosts without the sealing key keep to themselves', async (t) => {
  const redis = await RedisServer.start(t);
  const one = await startHost(t, redis);
  await agreed(t, one, one);
  const stranger = await startHost(t, redis, { files: { seal: 'f'.repeat(64) } });
  t.ok(await believes(t, stranger, stranger));
  t.notOk(await believes(t, one, stranger));
  t.equal(stranger.sluice.logged(/\[(alert|crit)\]/), 0);
});
