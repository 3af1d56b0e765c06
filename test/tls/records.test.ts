import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { startOrigin } from '../support/origin.ts';
import { RecordClient, recordHead, SUITES, type Suite, TYPE } from './record-client.ts';
import { type Secure, startSecure } from './secure.ts';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const SERVER = 'server { LISTEN; return 200 "served $request_uri;"; }';
const LARGEST = 16 * 1024;

const TLS13: Suite = { version: 'TLSv1.3', cipher: 'aes-128-gcm' };
const TLS12: Suite = { version: 'TLSv1.2', cipher: 'aes-128-gcm' };

const FATAL = 2;
const WARNING = 1;
const CLOSE_NOTIFY = 0;
const UNEXPECTED_MESSAGE = 10;
const BAD_RECORD_MAC = 20;
const RECORD_OVERFLOW = 22;
const ILLEGAL_PARAMETER = 47;
const NO_RENEGOTIATION = 100;
const HELLO_REQUEST = 0;
const CLIENT_HELLO = 1;
const NEW_SESSION_TICKET = 4;
const KEY_UPDATE = 24;
/** More in a row that bring no data end the connection. */
const MOST_WITHOUT_DATA = 32;

function served(client: RecordClient): number {
  return client.text().split('served').length - 1;
}

async function exchange(client: RecordClient, send = (): void => client.send(TYPE.data, GET)): Promise<void> {
  const before = served(client);
  send();
  await client.until('a response', () => served(client) > before);
}

/** The server says why it ends the connection, and does nothing with what comes behind what `send` has sent. */
async function refused(
  t: Test,
  client: RecordClient,
  alert: number,
  what: string,
  send: () => void,
): Promise<void> {
  const before = served(client);
  // all at once: a write to a connection that is closed would lose what has come
  client.socket.cork();
  send();
  client.send(TYPE.data, GET);
  client.socket.uncork();
  await client.until(`the end after ${what}`, () => client.ended);
  t.equal(client.alerts().at(-1), `${FATAL} ${alert}`, what);
  t.equal(served(client), before, `nothing was served after ${what}`);
}

async function stillServes(t: Test, { get, sluice }: Secure): Promise<void> {
  t.match(await get('/'), /served \/;$/);
  t.equal(sluice.logged(/\[(alert|crit|error)\]/), 0);
}

t.test('every suite: records of one byte, full ones, and requests in a row', async (t) => {
  const origin = await startOrigin(t, ({ socket, head, rest }) => {
    const length = Number(/Content-Length: (\d+)/i.exec(head)?.[1] ?? 0);
    let body = rest;
    const answer = (): void => {
      if (body.length < length) return;
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${6 + body.length}\r\n\r\nserved${body}`, 'latin1');
    };
    socket.removeAllListeners('data').on('data', (data) => {
      body += data;
      answer();
    });
    answer();
  });
  const secure = await startSecure(
    t,
    `server { LISTEN; location / { return 200 "served $ssl_protocol;"; }
       location /echo { proxy_pass http://127.0.0.1:${origin.port}; } }`,
  );
  for (const suite of SUITES) {
    const name = `${suite.version} ${suite.cipher}`;
    const client = await RecordClient.connect(t, secure.port, suite);
    await exchange(client);
    t.match(client.text(), `served ${suite.version};`, name);
    await exchange(client, () => {
      for (const byte of GET) client.send(TYPE.data, byte);
    });
    const body = randomBytes(20 * LARGEST).toString('latin1');
    const head = `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
    for (let at = 0; at < head.length + body.length; at += LARGEST) {
      client.send(TYPE.data, (head + body).slice(at, at + LARGEST));
    }
    await client.until('the body to be back', () => client.text().length > 20 * LARGEST);
    await client.until('all of it', () => client.text().endsWith(body));
    for (let i = 0; i < 300; i++) client.send(TYPE.data, GET);
    await client.until('300 responses', () => served(client) === 303);
    t.equal(new Set(client.nonces).size, client.nonces.length, `${name}: no nonce came twice`);
    client.socket.destroy();
  }
});

t.test('a record that comes byte by byte, and several at once', async (t) => {
  const secure = await startSecure(t, SERVER);
  for (const suite of [TLS12, TLS13]) {
    const client = await RecordClient.connect(t, secure.port, suite);
    client.socket.setNoDelay(true);
    await exchange(client, () => {
      for (const byte of client.seal(TYPE.data, GET)) client.socket.write(Buffer.of(byte));
    });
    const both = Buffer.concat([client.seal(TYPE.data, GET), client.seal(TYPE.data, GET)]);
    client.socket.write(both.subarray(0, both.length - 3));
    await client.until('the first', () => served(client) === 2);
    client.socket.write(both.subarray(-3));
    await client.until('the second', () => served(client) === 3);
    client.socket.destroy();
  }
  await stillServes(t, secure);
});

t.test('padding (RFC 8446 section 5.4)', async (t) => {
  const { port } = await startSecure(t, SERVER);
  const client = await RecordClient.connect(t, port, TLS13);
  for (const padding of [1, 255, LARGEST - GET.length]) {
    await exchange(client, () => client.send(TYPE.data, GET, padding));
  }
  t.equal(served(client), 3);
});

t.test('records that are altered, repeated, left out or out of order', async (t) => {
  const secure = await startSecure(t, SERVER);
  for (const suite of SUITES) {
    const sealed = (await RecordClient.connect(t, secure.port, suite)).seal(TYPE.data, GET);
    // version and type have answers of their own
    const places = [3, 4, 5, 12, 20, sealed.length - 16, sealed.length - 1].filter((at) => at > 4);
    for (const at of places) {
      const client = await RecordClient.connect(t, secure.port, suite);
      const record = client.seal(TYPE.data, GET);
      record[at] = (record[at] ?? 0) ^ 1;
      const what = `byte ${at} altered, ${suite.version} ${suite.cipher}`;
      await refused(t, client, BAD_RECORD_MAC, what, () => client.socket.write(record));
    }
  }
  for (const suite of [TLS12, TLS13]) {
    const repeated = await RecordClient.connect(t, secure.port, suite);
    const record = repeated.seal(TYPE.data, GET);
    await exchange(repeated, () => repeated.socket.write(record));
    const again = (): boolean => repeated.socket.write(record);
    await refused(t, repeated, BAD_RECORD_MAC, `repeated, ${suite.version}`, again);
    const missing = await RecordClient.connect(t, secure.port, suite);
    missing.seal(TYPE.data, GET);
    const next = (): void => missing.send(TYPE.data, GET);
    await refused(t, missing, BAD_RECORD_MAC, `the one before is missing, ${suite.version}`, next);
  }
  await stillServes(t, secure);
});

t.test('records that are too long, too short, or of a wrong kind', async (t) => {
  const secure = await startSecure(t, SERVER);
  const cases: [string, Suite, number, (client: RecordClient) => Uint8Array][] = [
    ['a head that says too much, 1.3', TLS13, RECORD_OVERFLOW, () => recordHead(TYPE.data, LARGEST + 257)],
    ['a head that says too much, 1.2', TLS12, RECORD_OVERFLOW, () => recordHead(TYPE.data, LARGEST + 2049)],
    ['too much data, 1.3', TLS13, RECORD_OVERFLOW, (c) => c.seal(TYPE.data, Buffer.alloc(LARGEST + 1))],
    ['too much data, 1.2', TLS12, RECORD_OVERFLOW, (c) => c.seal(TYPE.data, Buffer.alloc(LARGEST + 1))],
    [
      'no room for a tag, 1.3',
      TLS13,
      BAD_RECORD_MAC,
      () => Buffer.concat([recordHead(TYPE.data, 3), Buffer.alloc(3)]),
    ],
    [
      'no room for a tag, 1.2',
      TLS12,
      BAD_RECORD_MAC,
      () => Buffer.concat([recordHead(TYPE.data, 3), Buffer.alloc(3)]),
    ],
    ['an empty one', TLS13, BAD_RECORD_MAC, () => recordHead(TYPE.data, 0)],
    ['nothing but padding', TLS13, UNEXPECTED_MESSAGE, (c) => c.seal(0, '', 40)],
    [
      'a plaintext alert',
      TLS13,
      UNEXPECTED_MESSAGE,
      () => Buffer.concat([recordHead(TYPE.alert, 2), Buffer.of(2, 0)]),
    ],
    [
      'ChangeCipherSpec in clear',
      TLS13,
      UNEXPECTED_MESSAGE,
      () => Buffer.of(...recordHead(TYPE.changeCipherSpec, 1), 1),
    ],
    ['ChangeCipherSpec, 1.3', TLS13, UNEXPECTED_MESSAGE, (c) => c.seal(TYPE.changeCipherSpec, Buffer.of(1))],
    ['ChangeCipherSpec, 1.2', TLS12, UNEXPECTED_MESSAGE, (c) => c.seal(TYPE.changeCipherSpec, Buffer.of(1))],
    ['an unknown type, 1.3', TLS13, UNEXPECTED_MESSAGE, (c) => c.seal(99, 'x')],
    ['an unknown type, 1.2', TLS12, UNEXPECTED_MESSAGE, (c) => c.seal(99, 'x')],
    ['HTTP in clear', TLS13, UNEXPECTED_MESSAGE, () => Buffer.from(GET)],
    ['an alert of one byte', TLS12, UNEXPECTED_MESSAGE, (c) => c.seal(TYPE.alert, Buffer.of(1))],
    ['two alerts in one', TLS13, UNEXPECTED_MESSAGE, (c) => c.seal(TYPE.alert, Buffer.of(1, 90, 1, 90))],
    ['a handshake message of no bytes', TLS13, UNEXPECTED_MESSAGE, (c) => c.seal(TYPE.handshake, '')],
    [
      'a ticket from a client',
      TLS13,
      UNEXPECTED_MESSAGE,
      (c) => c.seal(TYPE.handshake, Buffer.of(NEW_SESSION_TICKET, 0, 0, 1, 0)),
    ],
    [
      'a ClientHello, 1.3',
      TLS13,
      UNEXPECTED_MESSAGE,
      (c) => c.seal(TYPE.handshake, Buffer.of(CLIENT_HELLO, 0, 0, 1, 0)),
    ],
    [
      'a HelloRequest',
      TLS12,
      UNEXPECTED_MESSAGE,
      (c) => c.seal(TYPE.handshake, Buffer.of(HELLO_REQUEST, 0, 0, 0)),
    ],
    [
      'a KeyUpdate, 1.2',
      TLS12,
      UNEXPECTED_MESSAGE,
      (c) => c.seal(TYPE.handshake, Buffer.of(KEY_UPDATE, 0, 0, 1, 0)),
    ],
    [
      'a long KeyUpdate',
      TLS13,
      UNEXPECTED_MESSAGE,
      (c) => c.seal(TYPE.handshake, Buffer.of(KEY_UPDATE, 0, 0, 2, 0)),
    ],
    [
      'a KeyUpdate that asks for 2',
      TLS13,
      ILLEGAL_PARAMETER,
      (c) => c.seal(TYPE.handshake, Buffer.of(KEY_UPDATE, 0, 0, 1, 2)),
    ],
    [
      'something behind a KeyUpdate',
      TLS13,
      UNEXPECTED_MESSAGE,
      (c) => c.seal(TYPE.handshake, Buffer.of(KEY_UPDATE, 0, 0, 1, 0, KEY_UPDATE)),
    ],
    [
      'data within a KeyUpdate',
      TLS13,
      UNEXPECTED_MESSAGE,
      (c) => Buffer.concat([c.seal(TYPE.handshake, Buffer.of(KEY_UPDATE, 0)), c.seal(TYPE.data, GET)]),
    ],
  ];
  for (const [what, suite, alert, make] of cases) {
    const client = await RecordClient.connect(t, secure.port, suite);
    await exchange(client);
    await refused(t, client, alert, what, () => client.socket.write(make(client)));
  }
  await stillServes(t, secure);
});

t.test('what comes before a bad record is served', async (t) => {
  const { port } = await startSecure(t, SERVER);
  const client = await RecordClient.connect(t, port, TLS13);
  const bad = client.seal(TYPE.data, GET).fill(0, 10);
  const other = await RecordClient.connect(t, port, TLS13);
  other.socket.write(Buffer.concat([other.seal(TYPE.data, GET), bad]));
  await other.until('the end', () => other.ended);
  t.ok(served(other) <= 1);
  t.equal(other.alerts().at(-1), `${FATAL} ${BAD_RECORD_MAC}`);
});

t.test('key updates of the client', async (t) => {
  const secure = await startSecure(t, SERVER);
  for (const suite of SUITES.filter(({ version }) => version === 'TLSv1.3')) {
    const client = await RecordClient.connect(t, secure.port, suite);
    const updates = (): number => client.received.filter(({ bytes }) => bytes[0] === KEY_UPDATE).length;
    for (const pieces of [1, 2, 5]) {
      client.updateKeys({ pieces });
      await exchange(client);
    }
    t.equal(updates(), 0, 'nobody asked for ours');
    for (let i = 1; i <= 3; i++) {
      client.updateKeys({ request: 1 });
      await exchange(client);
      await client.until('an answer', () => updates() === i);
      await exchange(client);
    }
    for (let i = 0; i < 5; i++) client.updateKeys({ request: 1 });
    await exchange(client);
    t.ok(updates() > 3 && updates() <= 8, 'one answer may do for several');
    for (let i = 0; i < MOST_WITHOUT_DATA; i++) client.updateKeys({ request: 1 });
    await exchange(client);
    await refused(t, client, UNEXPECTED_MESSAGE, 'too many', () => {
      for (let i = 0; i < MOST_WITHOUT_DATA + 1; i++) client.updateKeys();
    });
  }
  await stillServes(t, secure);
});

t.test('a client that asks for our keys to change and reads nothing', async (t) => {
  const secure = await startSecure(t, 'server { LISTEN; root .; }', { long: 'x'.repeat(8_000_000) });
  const client = await RecordClient.connect(t, secure.port, TLS13);
  client.send(TYPE.data, 'GET /long HTTP/1.1\r\nHost: x\r\n\r\n');
  client.socket.pause();
  for (let i = 0; i < 2000; i++) {
    client.updateKeys({ request: 1 });
    client.send(TYPE.data, i === 0 ? 'GET /long HTTP/1.1\r\nHost: x\r\nX: ' : 'y');
  }
  client.socket.resume();
  await client.until('all of the answer', () => client.text().length > 8_000_000);
  const updates = client.received.filter(({ bytes }) => bytes[0] === KEY_UPDATE && bytes.length === 5).length;
  t.ok(updates > 0 && updates < 2000, `${updates} answers to 2000 requests`);
});

t.test('records without data, and warnings, are limited', async (t) => {
  const { port } = await startSecure(t, SERVER);
  const noise: [string, Suite, (client: RecordClient) => void][] = [
    ['no data, 1.3', TLS13, (c) => c.send(TYPE.data, '', 5)],
    ['no data, 1.2', TLS12, (c) => c.send(TYPE.data, '')],
    ['warnings, 1.3', TLS13, (c) => c.send(TYPE.alert, Buffer.of(WARNING, 90))],
    ['warnings, 1.2', TLS12, (c) => c.send(TYPE.alert, Buffer.of(WARNING, 90))],
    ['renegotiations', TLS12, (c) => c.send(TYPE.handshake, Buffer.of(CLIENT_HELLO, 0, 0, 1, 0))],
  ];
  for (const [what, suite, make] of noise) {
    const client = await RecordClient.connect(t, port, suite);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < MOST_WITHOUT_DATA; i++) make(client);
      await exchange(client);
    }
    await refused(t, client, UNEXPECTED_MESSAGE, what, () => {
      for (let i = 0; i < MOST_WITHOUT_DATA + 1; i++) make(client);
    });
  }
});

t.test('a handshake that would begin again is declined, and the connection goes on', async (t) => {
  const { port } = await startSecure(t, SERVER);
  const client = await RecordClient.connect(t, port, TLS12);
  client.send(TYPE.handshake, Buffer.of(CLIENT_HELLO, 0, 0, 1, 0));
  await client.until('a warning', () => client.alerts().length === 1);
  t.equal(client.alerts()[0], `${WARNING} ${NO_RENEGOTIATION}`);
  await exchange(client);
});

t.test('how a connection ends', async (t) => {
  const secure = await startSecure(t, SERVER);
  for (const suite of [TLS12, TLS13]) {
    const idle = await RecordClient.connect(t, secure.port, suite);
    await exchange(idle);
    idle.send(TYPE.alert, Buffer.of(WARNING, CLOSE_NOTIFY));
    await idle.until('the end', () => idle.ended);
    t.equal(idle.alerts().at(-1), `${WARNING} ${CLOSE_NOTIFY}`, `both say so, ${suite.version}`);

    const half = await RecordClient.connect(t, secure.port, suite);
    const last = GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
    half.socket.write(
      Buffer.concat([half.seal(TYPE.data, last), half.seal(TYPE.alert, Buffer.of(WARNING, CLOSE_NOTIFY))]),
    );
    await half.until('the end', () => half.ended);
    t.equal(served(half), 1, `what was asked for before is answered, ${suite.version}`);

    const broken = await RecordClient.connect(t, secure.port, suite);
    await exchange(broken);
    broken.send(TYPE.alert, Buffer.of(FATAL, BAD_RECORD_MAC));
    await broken.until('the end', () => broken.ended);
    t.equal(broken.alerts().length, 0, `an alert isn’t answered by another, ${suite.version}`);

    for (const size of [1, 4, 5, 20]) {
      const cut = await RecordClient.connect(t, secure.port, suite);
      cut.socket.end(cut.seal(TYPE.data, GET).subarray(0, size));
      await cut.until('the end', () => cut.ended);
      t.equal(served(cut), 0, `${size} bytes of a record, ${suite.version}`);
    }
  }
  await stillServes(t, secure);
});

t.test('a session of TLS 1.2 that has failed isn’t resumed', async (t) => {
  const { port, connect } = await startSecure(
    t,
    'ssl_session_cache shared:sessions:1m; ssl_session_tickets off; server { LISTEN; return 200 "served $ssl_session_reused"; }',
  );
  const first = await connect({ maxVersion: 'TLSv1.2' });
  const session = first.getSession();
  const resumed = await connect({ maxVersion: 'TLSv1.2', session });
  t.ok(resumed.isSessionReused());
  resumed.destroy();
  const client = await RecordClient.connect(t, port, TLS12, { session });
  await exchange(client);
  t.match(client.text(), 'served r', 'nothing has happened yet');
  client.socket.write(client.seal(TYPE.data, GET).fill(0, 10));
  await client.until('the end', () => client.ended);
  const again = await connect({ maxVersion: 'TLSv1.2', session });
  t.notOk(again.isSessionReused());
});

t.test('busy connections are more than ciphers', async (t) => {
  const COUNT = 400;
  const { connect } = await startSecure(t, SERVER, {}, { connections: 2 * COUNT });
  const sockets = [];
  for (let i = 0; i < COUNT; i++) sockets.push(await connect({ maxVersion: i % 2 ? 'TLSv1.2' : 'TLSv1.3' }));
  for (let round = 0; round < 3; round++) {
    const answers = sockets.map(async (socket) => {
      socket.write(GET);
      const [data] = (await once(socket, 'data')) as [Buffer];
      return data.toString().endsWith('served /;');
    });
    t.ok((await Promise.all(answers)).every(Boolean));
  }
});
