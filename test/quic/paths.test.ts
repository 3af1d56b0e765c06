// What lies between a client and a server: addresses, marks of congestion, how large a packet may be, loss.
import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { digest, type Outcome } from './gtls-client.ts';
import { Nat } from './nat.ts';
import { streamFrame } from './raw/frames.ts';
import { greeting, parseResponse, request } from './raw/http.ts';
import { RawClient } from './raw/raw-client.ts';
import { type Quic, startQuic } from './serving.ts';

/** Bytes of a UDP datagram: what any path takes (RFC 9000, 14), and what is lost on a narrow one. */
const EVERYWHERE = 1200;
const NARROW = 1300;
const ECT_0 = 0x2;

const file = randomBytes(2_000_000);

/** Datagrams that the client got, as it tells. */
function datagrams({ log }: Outcome): { ecn: number; size: number }[] {
  return [...log.matchAll(/^Received packet: .* ecn=0x(\d) (\d+) bytes$/gm)].map(([, ecn, size]) => ({
    ecn: Number.parseInt(ecn ?? '', 16),
    size: Number(size),
  }));
}

t.test('IPv6, and a socket for both', async (t) => {
  const six = await startQuic(
    t,
    'server { LISTEN; return 200 "$server_addr $remote_addr"; }',
    {},
    { address: '[::1]' },
  );
  t.equal((await six.get('/x', { host: '::1' })).bodies.get('x')?.toString(), '::1 ::1');

  const both = await startQuic(
    t,
    'server { listen [::]:PORT quic ipv6only=off; return 200 $server_addr; }',
    {},
    { workers: 2 },
  );
  for (const [host, address] of [
    ['::1', '::1'],
    ['127.0.0.1', '::ffff:127.0.0.1'],
    ['127.0.0.3', '::ffff:127.0.0.3'],
  ] as const)
    t.equal((await both.get('/x', { host })).bodies.get('x')?.toString(), address);
});

t.test('answers come from the address that was asked, to whom it was that asked', async (t) => {
  const wildcards = [
    ['listen 0.0.0.0:PORT quic;', ['127.0.0.2', '127.0.0.3']],
    ['listen [::]:PORT quic ipv6only=off;', ['127.0.0.2', '127.0.0.3', '::1']],
  ] as const;
  for (const [listen, hosts] of wildcards) {
    const { port } = await startQuic(t, `server { ${listen} return 200; }`);
    for (const host of hosts) {
      const from = host.includes(':') ? host : '127.0.0.4';
      const client = await RawClient.connect(t, port, { host, from });
      client.send(greeting, streamFrame(0, request('/'), { end: true }));
      await client.until('an answer', () => client.received(0).ended);
      t.strictSame(parseResponse(client.received(0).bytes).statuses, [200]);
      t.strictSame([...client.answeredBy], [host], `${listen} ${host}`);
    }
  }
});

t.test('packets are marked as capable of ECN, and marks are counted', async (t) => {
  for (const [address, host] of [
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.2'],
    ['[::1]', '::1'],
    ['[::]', '127.0.0.1'],
  ] as const) {
    const both = address === '[::]' ? 'ipv6only=off' : '';
    const { get } = await startQuic(t, `server { LISTEN ${both}; }`, { 'file.bin': file }, { address });
    const outcome = await get('/file.bin', { host });
    t.equal(digest(outcome.bodies.get('file.bin')), digest(file));
    const marked = datagrams(outcome).filter(({ ecn }) => ecn === ECT_0).length;
    t.ok(marked > 20, `${address}: ${marked} datagrams have a mark`);
    const counted = [...outcome.log.matchAll(/frm rx \d+ 1RTT ACK\(0x03\) ect0=(\d+)/g)];
    t.ok(Number(counted.at(-1)?.[1] ?? 0) > 0, `${address}: the client's marks come back in ACK frames`);
  }
});

/** A download over a path that loses some datagrams; sizes of those that came from the server. */
async function through(
  t: Test,
  { port, client }: Quic,
  loses: (packet: Buffer) => boolean,
): Promise<{ outcome: Outcome; sizes: number[]; lost: number }> {
  const nat = new Nat(t, port);
  const sizes: number[] = [];
  let lost = 0;
  nat.loses = (packet, comesBack) => {
    const is = loses(packet);
    if (is) lost++;
    else if (comesBack) sizes.push(packet.length);
    return is;
  };
  const outcome = await client.get(await nat.listen(), ['/file.bin']);
  return { outcome, sizes, lost };
}

t.test('packets grow as far as the path takes them', async (t) => {
  const quic = await startQuic(t, 'server { LISTEN; }', { 'file.bin': file });
  const wide = await through(t, quic, () => false);
  t.equal(digest(wide.outcome.bodies.get('file.bin')), digest(file));
  const grown = wide.sizes.filter((size) => size > 1400).length;
  t.ok(grown > wide.sizes.length / 2, `${grown} of ${wide.sizes.length} datagrams have grown`);

  const narrow = await through(t, quic, ({ length }) => length > NARROW);
  t.equal(digest(narrow.outcome.bodies.get('file.bin')), digest(file));
  t.ok(narrow.lost > 0, `${narrow.lost} larger datagrams were tried`);
  t.ok(narrow.lost < 30, 'and no more of them');
  t.equal(narrow.sizes.filter((size) => size > NARROW).length, 0);
  t.ok(narrow.sizes.filter((size) => size >= EVERYWHERE).length > 1000);
});

for (const algorithm of ['cubic', 'reno', 'bbr']) {
  t.test(`5 % loss, with ${algorithm}`, async (t) => {
    const quic = await startQuic(t, `quic_congestion_control ${algorithm}; server { LISTEN; }`, {
      'file.bin': file,
    });
    let count = 0;
    const { outcome, lost } = await through(t, quic, () => count++ > 20 && count % 20 === 0);
    t.equal(digest(outcome.bodies.get('file.bin')), digest(file));
    t.ok(lost > 50, `${lost} datagrams were lost`);
  });
}

for (const gso of ['on', 'off']) {
  t.test(`quic_gso ${gso}`, async (t) => {
    const { get } = await startQuic(t, `quic_gso ${gso}; server { LISTEN; }`, { 'file.bin': file });
    const { bodies } = await get('/file.bin');
    t.equal(digest(bodies.get('file.bin')), digest(file));
  });
}
