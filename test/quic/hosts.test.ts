// Two hosts, here two addresses of one, and a balancer between that now sends a client's packets to the other one.

import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { freePort } from '../support/free-port.ts';
import { Sluice } from '../support/sluice.ts';
import { makeIdentity } from '../tls/certificates.ts';
import { digest, GtlsClient } from './gtls-client.ts';
import { Nat } from './nat.ts';

const key = randomBytes(16).toString('hex');
const file = randomBytes(500_000);
const hosts = ['127.0.0.1', '127.0.0.2'] as const;

/** Both hosts serve at the same port, and know each other; `keys` are their own. */
async function startHosts(
  t: Test,
  keys: readonly [string, string],
): Promise<{ port: number; relays: number }> {
  const port = await freePort();
  const relays = await freePort();
  const { certificate, key: secret } = makeIdentity('localhost');
  for (const [i, host] of hosts.entries()) {
    const sluice = new Sluice({
      config: `events {} quic_host_id 0a0${i}; quic_cid_key ${keys[i]};
quic_peers { 0a00 127.0.0.1:${relays}; 0a01 127.0.0.2:${relays}; }
http { ssl_certificate certificate; ssl_certificate_key key; root .; access_log off;
server { listen ${host}:${port} quic; limit_rate 100k; } }`,
      files: { certificate, key: secret, 'file.bin': file },
      workers: 3,
    });
    t.teardown(() => sluice.remove());
    await sluice.start();
  }
  return { port, relays };
}

/** The client's packets go to the other host once the first one has answered. */
async function download(t: Test, port: number, timeout: string): Promise<Buffer | undefined> {
  const client = new GtlsClient(t);
  const nat = new Nat(t, port);
  const outcome = client.get(await nat.listen(), ['/file.bin'], { args: [`--timeout=${timeout}`] });
  const switching = setInterval(() => {
    if (nat.answers < 30) return;
    nat.host = '127.0.0.2';
    nat.rebind();
    clearInterval(switching);
  }, 50);
  const { bodies } = await outcome;
  clearInterval(switching);
  t.equal(nat.host, '127.0.0.2', 'the balancer has changed its mind');
  return bodies.get('file.bin');
}

t.test('a client that a balancer sends to another host goes on', async (t) => {
  const { port } = await startHosts(t, [key, key]);
  const files = await Promise.all(Array.from({ length: 6 }, () => download(t, port, '10s')));
  for (const each of files) t.equal(digest(each), digest(file), 'whole');
});

t.test('hosts with another key take no packets over', async (t) => {
  const { port } = await startHosts(t, [key, randomBytes(16).toString('hex')]);
  t.not(digest(await download(t, port, '3s')), digest(file));
});

t.test('what does not know the key is not heard', async (t) => {
  const { port, relays } = await startHosts(t, [key, key]);
  const stranger = createSocket('udp4');
  stranger.bind(0, '127.0.0.1');
  await once(stranger, 'listening');
  const address = Buffer.from([127, 0, 0, 1, port >> 8, port & 255]);
  for (let i = 0; i < 200; i++) {
    // an answer would go to the stranger: a packet that makes a server speak, as if from there
    const from = Buffer.from([127, 0, 0, 1, stranger.address().port >> 8, stranger.address().port & 255]);
    const packet = Buffer.concat([
      Buffer.from([0xc0, 1, 2, 3, 4, 8]),
      randomBytes(8),
      Buffer.from([0]),
      Buffer.alloc(1200),
    ]);
    const size = Buffer.from([packet.length >> 8, packet.length & 255]);
    const message = Buffer.concat([
      Buffer.from([0]),
      randomBytes(16),
      Buffer.from([4, 0]),
      from,
      address,
      size,
      packet,
    ]);
    stranger.send(i % 2 ? message : message.subarray(0, i), relays, '127.0.0.1');
  }
  let heard = 0;
  stranger.on('message', () => heard++);
  const files = await Promise.all([download(t, port, '10s')]);
  t.equal(digest(files[0]), digest(file), 'others are served meanwhile');
  t.equal(heard, 0);
  stranger.close();
});
