import t from 'tap';
import { decodeResponse, encodeQuery, recordType } from '../../src/proxy/upstream/dns-message.ts';

const { A, CNAME, AAAA, SRV } = recordType;

/** An answer to a query: its own bytes with the response bit, and records behind it. */
function answer(query: Buffer, records: readonly Buffer[], flags = 0x8180): Buffer {
  const head = Buffer.from(query);
  head.writeUInt16BE(flags, 2);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, ...records]);
}

/** A record of the name that was asked for. */
function record(type: number, ttl: number, data: readonly number[] | Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(ttl, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, Buffer.from(data)]);
}

const query = encodeQuery(0x1234, 'Www.Example.net', A) ?? Buffer.alloc(0);

t.test('a query says what RFC 1035 wants', async (t) => {
  t.equal(query.toString('hex'), '12340100000100000000000003577777074578616d706c65036e65740000010001');
  t.equal(encodeQuery(1, 'a..b', A), undefined, 'an empty label');
  t.equal(encodeQuery(1, `${'a'.repeat(64)}.b`, A), undefined, 'a label that is too long');
});

t.test('records of all kinds are read', async (t) => {
  const alias = Buffer.from('\x05alias\xc0\x10', 'latin1');
  const service = Buffer.from('\0\x01\0\x02\x1f\x90\x01a\xc0\x10', 'latin1');
  const inet6 = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  const message = answer(query, [
    record(A, 60, [127, 0, 0, 1]),
    record(AAAA, 61, inet6),
    record(CNAME, 62, alias),
    record(SRV, 63, service),
    record(16, 64, [1, 65]),
  ]);
  const name = 'www.example.net';
  t.strictSame(decodeResponse(message), {
    id: 0x1234,
    code: 0,
    truncated: false,
    name,
    type: A,
    answers: [
      { name, ttl: 60, type: A, address: '127.0.0.1' },
      { name, ttl: 61, type: AAAA, address: 'fe80::1' },
      { name, ttl: 62, type: CNAME, target: 'alias.example.net' },
      { name, ttl: 63, type: SRV, priority: 1, weight: 2, port: 8080, target: 'a.example.net' },
    ],
  });
});

t.test('what is malformed is no response, and nothing hangs on it', async (t) => {
  const whole = answer(query, [record(CNAME, 1, Buffer.from('\x05alias\xc0\x10', 'latin1'))]);
  for (let length = 0; length < whole.length; length++) {
    t.equal(decodeResponse(whole.subarray(0, length)), undefined, `cut after ${length}`);
  }
  t.equal(decodeResponse(query), undefined, 'a query');
  const circle = answer(query, [record(CNAME, 1, [0xc0, 0x2d])]);
  t.equal(decodeResponse(circle), undefined, 'a pointer to itself');
  for (let round = 0; round < 2000; round++) {
    const noise = Buffer.from(whole);
    for (let i = 0; i < 3; i++) noise[(round * 31 + i * 17) % noise.length] = (round * 7 + i * 91) & 0xff;
    decodeResponse(noise);
  }
  t.pass('noise');
});
