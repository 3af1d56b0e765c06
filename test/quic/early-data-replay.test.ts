/** Early data over QUIC is let in once, on whichever host it comes again (RFC 9001, 9.2). */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { RedisServer } from '../support/redis.ts';
import type { Cleanup } from '../support/sluice.ts';
import { makeIdentity } from '../tls/certificates.ts';
import type { GtlsClient } from './gtls-client.ts';
import { type Quic, startQuic } from './serving.ts';

const identity = makeIdentity('localhost');

interface Host extends Quic {
  readonly statusPort: number;
}

async function startHost(t: Cleanup, redis: RedisServer, tickets: string): Promise<Host> {
  const statusPort = await freePort();
  const quic = await startQuic(
    t,
    `ssl_early_data on; ${tickets}
     ssl_session_store redis://127.0.0.1:${redis.port} key_file=seal timeout=5s;
     server { LISTEN; add_header X-Early "$ssl_early_data$ssl_session_reused" always; return 200; }
     server { listen 127.0.0.1:${statusPort}; access_log off; sluice_status; }`,
    { seal: '5'.repeat(64), certificate: identity.certificate, key: identity.key },
  );
  const host = { ...quic, statusPort };
  await eventually('the store', async () => (await counted(host)).sessions?.stores_up === 1);
  return host;
}

async function counted({ statusPort }: Host): Promise<Record<string, Record<string, number>>> {
  const answer = await fetch(`http://127.0.0.1:${statusPort}/`);
  return JSON.parse(await answer.text());
}

/** What a client sends to a server before that answers. */
async function firstFlight(
  t: Cleanup,
  client: GtlsClient,
  port: number,
): Promise<{ readonly flight: readonly Buffer[]; readonly log: string }> {
  const inside = createSocket('udp4').bind(0, '127.0.0.1');
  const outside = createSocket('udp4').bind(0, '127.0.0.1');
  t.teardown(() => {
    inside.close();
    outside.close();
  });
  await Promise.all([once(inside, 'listening'), once(outside, 'listening')]);
  const flight: Buffer[] = [];
  let answered = false;
  let from = 0;
  inside.on('message', (packet, sender) => {
    from = sender.port;
    if (!answered) flight.push(packet);
    outside.send(packet, port, '127.0.0.1');
  });
  outside.on('message', (packet) => {
    answered = true;
    inside.send(packet, from, '127.0.0.1');
  });
  const { log } = await client.get(inside.address().port, ['/'], { args: client.resuming });
  return { flight, log };
}

for (const [what, tickets] of [
  ['by ticket', 'ssl_session_ticket_keys cluster;'],
  ['by a kept session', 'ssl_session_tickets off;'],
] as const) {
  t.test(`${what}: a replay is refused on other hosts`, async (t) => {
    const redis = await RedisServer.start(t);
    const hosts = [await startHost(t, redis, tickets), await startHost(t, redis, tickets)] as const;
    const [one, other] = hosts;
    if (tickets.includes('cluster'))
      await eventually('the keys', () => redis.with(async (asks) => (await asks.keys('sluice:{t*')).length));
    await one.get('/');
    await one.get('/', { args: [...one.client.resuming, '--timeout=1s'], stays: true });
    const { flight, log } = await firstFlight(t, one.client, one.port);
    t.notMatch(log, /Early data was rejected/);
    t.match(await counted(one), { early_data: { let_in: 1, replayed: 0, refused: 0 } });

    const replayer = createSocket('udp4');
    t.teardown(() => replayer.close());
    for (const packet of flight) replayer.send(packet, other.port, '127.0.0.1');
    await eventually('the refusal', async () => (await counted(other)).early_data?.replayed === 1);
    await once(replayer, 'message');
    t.match(await counted(other), { early_data: { let_in: 0, replayed: 1, refused: 0 } });
    t.equal(readFileSync(other.sluice.path('access.log'), 'utf8'), '', 'no request of it is served');
  });
}
