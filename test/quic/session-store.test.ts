/** Handshakes over QUIC wait for the session store, too. */
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { RedisServer } from '../support/redis.ts';
import { startQuic } from './serving.ts';

const SERVER =
  'server { LISTEN; add_header X-Early "$ssl_early_data$ssl_session_reused" always; return 200; }';

for (const [what, tickets] of [
  ['a kept session', 'ssl_session_tickets off;'],
  ['a ticket', ''],
] as const) {
  t.test(`${what}, with early data`, async (t) => {
    const redis = await RedisServer.start(t);
    const store = `ssl_session_store redis://127.0.0.1:${redis.port} key_file=seal timeout=5s;`;
    const { get, client, sluice } = await startQuic(t, `ssl_early_data on; ${tickets} ${store} ${SERVER}`, {
      seal: '5'.repeat(64),
    });
    await eventually('the store', () =>
      redis.with(async (asks) => (await asks.info('clients')).includes('connected_clients:2')),
    );
    await get('/');
    await get('/', { args: [...client.resuming, '--timeout=1s'], stays: true });
    const second = await get('/', { args: client.resuming });
    // what came early had to wait for the store, often until the handshake was done
    t.match(second.fields.join(), /x-early: 1?r/);
    t.notMatch(second.log, /Early data was rejected/);
    await redis.kill();
    await eventually('the line', () => sluice.logged(/is left alone/) === 1);
    const third = await get('/', { args: client.resuming });
    t.strictSame(third.statuses, [200]);
    t.match(third.log, /Early data was rejected/);
  });
}
