import { randomBytes } from 'node:crypto';
import t from 'tap';
import { decodeConnectionId, type Layout } from './decode-connection-id.ts';
import type { Outcome } from './gtls-client.ts';
import { startQuic } from './serving.ts';

const WORKERS = 3;

/** What the client was told to send to. */
function issued({ log }: Outcome): Buffer[] {
  const said = [
    ...log.matchAll(/pkt tx pkn=\d+ dcid=0x([0-9a-f]+) type=1RTT/g),
    ...log.matchAll(/frm rx \d+ \S+ NEW_CONNECTION_ID\(0x18\) seq=\d+ cid=0x([0-9a-f]+)/g),
  ];
  return [...new Set(said.map(([, id]) => id ?? ''))].map((id) => Buffer.from(id, 'hex'));
}

const key = randomBytes(16);
const hex = key.toString('hex');

interface Case {
  readonly name: string;
  readonly main: string;
  readonly rotation: number;
  readonly hostId: string;
  readonly layout: Layout;
}

const cases: readonly Case[] = [
  { name: 'no load balancer', main: '', rotation: 7, hostId: '', layout: { hostIdSize: 0, nonceSize: 16 } },
  {
    name: 'plain',
    main: 'quic_host_id 0a0b rotation=3;',
    rotation: 3,
    hostId: '0a0b',
    layout: { hostIdSize: 2, nonceSize: 14 },
  },
  {
    name: 'encrypted in one pass',
    main: `quic_host_id 0a0b0c; quic_cid_key ${hex};`,
    rotation: 0,
    hostId: '0a0b0c',
    layout: { hostIdSize: 3, nonceSize: 13, key },
  },
  {
    name: 'encrypted in four passes, of an odd length',
    main: `quic_cid_key ${hex} rotation=6; quic_host_id 0a0b0c nonce=8 rotation=6;`,
    rotation: 6,
    hostId: '0a0b0c',
    layout: { hostIdSize: 3, nonceSize: 8, key },
  },
  {
    name: 'of the first configuration, with a second one still known',
    main: `quic_host_id 0d rotation=1 nonce=9; quic_host_id 0a rotation=0; quic_cid_key ${hex} rotation=1;`,
    rotation: 1,
    hostId: '0d',
    layout: { hostIdSize: 1, nonceSize: 9, key },
  },
];

for (const { name, main, rotation, hostId, layout } of cases) {
  t.test(`connection IDs, ${name}: the draft and the documentation are enough to read them`, async (t) => {
    const seed = randomBytes(32);
    const env = { SLUICE_QUIC_SEED: seed.toString('hex') };
    const { get } = await startQuic(t, 'server { LISTEN; return 200; }', {}, { workers: WORKERS, main, env });
    const generations = new Set<number>();
    const bytes = new Set<string>();
    for (let i = 0; i < 4; i++) {
      const outcome = await get('/');
      t.strictSame(outcome.statuses, [200]);
      const ids = issued(outcome);
      t.ok(ids.length > 0);
      for (const id of ids) {
        const decoded = decodeConnectionId(id, layout, seed);
        t.match(decoded, { rotation, hostId, length: id.length - 1 });
        t.ok(decoded.worker < WORKERS, `worker ${decoded.worker}`);
        generations.add(decoded.generation);
        bytes.add(id.toString('hex', 1, 9));
      }
      t.equal(bytes.size > i, true, 'none looks like another');
    }
    t.equal(generations.size, 1, 'one generation');
  });
}

const refused: readonly (readonly [string, RegExp])[] = [
  ['quic_host_id 0g;', /"0g" is not hexadecimal/],
  ['quic_host_id 010203040506070809;', /longer than 8 bytes/],
  ['quic_host_id 0a rotation=7;', /invalid parameter "rotation=7": from 0 to 6/],
  ['quic_host_id 0a nonce=7;', /invalid parameter "nonce=7": from 8 to 15/],
  ['quic_host_id 0a; quic_host_id 0b;', /duplicate "quic_host_id" for rotation 0/],
  ['quic_cid_key 0a;', /"quic_cid_key" must be 16 bytes in hexadecimal/],
  [`quic_cid_key ${hex};`, /"quic_cid_key" needs a "quic_host_id" with rotation 0/],
  ['quic_peers { 0a 127.0.0.1:1; }', /"quic_peers" needs "quic_host_id" and "quic_cid_key"/],
  [
    `quic_host_id 0a; quic_cid_key ${hex}; quic_peers { 0b 127.0.0.1:1; }`,
    /host id "0a" of this host is not among "quic_peers"/,
  ],
  [
    `quic_host_id 0a; quic_cid_key ${hex}; quic_peers { 0a example.com:1; }`,
    /"example.com:1" is not an IP address with a port/,
  ],
];

t.test('what the directives refuse', async (t) => {
  for (const [main, message] of refused)
    await t.rejects(startQuic(t, 'server { LISTEN; return 200; }', {}, { main }), message, main);
});
