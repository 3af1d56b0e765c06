/** Session tickets of TLS 1.3 (RFC 8446 section 4.6.1): messages of our own making that OpenSSL has to understand. */
import { execFile } from 'node:child_process';
import type { ConnectionOptions } from 'node:tls';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { makeIdentity } from './certificates.ts';
import { RecordClient, type Suite, TYPE } from './record-client.ts';
import { readToEnd, type Secure, startSecure } from './secure.ts';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const SERVER = 'server { LISTEN; return 200 "served $ssl_session_reused $ssl_session_id;"; }';
const TLS13: Suite = { version: 'TLSv1.3', cipher: 'aes-256-gcm' };
const NEW_SESSION_TICKET = 4;
const EARLY_DATA = 42;

interface Ticket {
  readonly lifetime: number;
  readonly ageAdd: number;
  readonly nonce: string;
  readonly ticket: string;
  readonly extensions: Buffer;
}

/** Messages that follow each other. */
function parseTickets(bytes: Buffer): Ticket[] {
  const tickets: Ticket[] = [];
  let at = 0;
  const take = (size: number): Buffer => {
    if (at + size > bytes.length) throw new Error('a message was cut');
    at += size;
    return bytes.subarray(at - size, at);
  };
  const vector = (width: number): Buffer => take(take(width).readUIntBE(0, width));
  while (at < bytes.length) {
    if (take(1)[0] !== NEW_SESSION_TICKET) throw new Error('not a ticket');
    const end = take(3).readUIntBE(0, 3) + at;
    const lifetime = take(4).readUInt32BE();
    const ageAdd = take(4).readUInt32BE();
    const nonce = vector(1).toString('hex');
    tickets.push({ lifetime, ageAdd, nonce, ticket: vector(2).toString('hex'), extensions: vector(2) });
    if (at !== end) throw new Error('more in a message than it has');
  }
  return tickets;
}

interface Granted {
  readonly records: number;
  readonly tickets: readonly Ticket[];
  readonly text: string;
}

async function granted(t: Test, secure: Secure, options: ConnectionOptions = {}): Promise<Granted> {
  const client = await RecordClient.connect(t, secure.port, TLS13, options);
  client.send(TYPE.data, GET);
  await client.until('a response', () => client.text().endsWith(';'));
  const records = client.received.filter(({ type }) => type === TYPE.handshake);
  const messages = Buffer.concat(records.map(({ bytes }) => bytes));
  return { records: records.length, tickets: parseTickets(messages), text: client.text() };
}

/** What the last ticket of a connection makes of the next one. */
async function nextSession(
  secure: Secure,
  options: ConnectionOptions = {},
): Promise<Granted & { session: Buffer }> {
  const socket = await secure.connect({ minVersion: 'TLSv1.3', ...options });
  const sessions: Buffer[] = [];
  socket.on('session', (session: Buffer) => sessions.push(session));
  socket.write('GET / HTTP/1.0\r\n\r\n');
  const text = await readToEnd(socket);
  return { records: 0, tickets: [], text, session: sessions.at(-1) ?? Buffer.alloc(0) };
}

t.test('two tickets in one record, one when resumed, as many as ssl_conf_command says', async (t) => {
  const secure = await startSecure(t, `ssl_session_timeout 7m; ${SERVER}`);
  const { records, tickets, text } = await granted(t, secure);
  t.match(text, /served \. [0-9a-f]{64};$/);
  t.equal(records, 1);
  t.equal(tickets.length, 2);
  t.same(
    tickets.map(({ lifetime, nonce, extensions }) => [lifetime, nonce, extensions.length]),
    [
      [420, '0000000000000000', 0],
      [420, '0000000000000001', 0],
    ],
  );
  t.equal(new Set(tickets.map(({ ageAdd }) => ageAdd)).size, 2);
  t.equal(new Set(tickets.map(({ ticket }) => ticket)).size, 2);

  const { session } = await nextSession(secure);
  const resumed = await granted(t, secure, { session });
  t.match(resumed.text, /served r [0-9a-f]{64};$/);
  t.equal(resumed.tickets.length, 1);

  for (const count of [0, 5]) {
    await secure.reconfigure(`ssl_conf_command NumTickets ${count}; ${SERVER}`);
    t.equal((await granted(t, secure)).tickets.length, count);
  }
  await secure.reconfigure(`ssl_session_timeout 30d; ssl_early_data on; ${SERVER}`);
  const [ticket] = (await granted(t, secure)).tickets;
  t.equal(ticket?.lifetime, 7 * 24 * 3600, 'a week is the most');
  t.same([...(ticket?.extensions ?? [])], [0, EARLY_DATA, 0, 4, 0, 0, 64, 0]);
});

t.test('each session of a long row comes of the one before', async (t) => {
  const secure = await startSecure(t, SERVER);
  let { session } = await nextSession(secure);
  for (let i = 0; i < 50; i++) {
    const next = await nextSession(secure, { session });
    t.match(next.text, /served r/);
    ({ session } = next);
  }
});

t.test('what a session holds: the name, the protocol, the client’s certificate, short records', async (t) => {
  const authority = makeIdentity('authority', { authority: true });
  const known = makeIdentity('known', { issuer: authority });
  const secure = await startSecure(
    t,
    `ssl_client_certificate authority; ssl_verify_client on;
     server { LISTEN; server_name named; return 200 "$ssl_session_reused|$ssl_client_verify|$ssl_client_s_dn|$ssl_server_name;"; }`,
    { authority: authority.certificate },
  );
  const options = {
    cert: known.certificate,
    key: known.key,
    servername: 'named',
    ALPNProtocols: ['http/1.1'],
  };
  const { session } = await nextSession(secure, options);
  const { text } = await nextSession(secure, { servername: 'named', ALPNProtocols: ['http/1.1'], session });
  t.match(text, /r\|SUCCESS\|CN=known\|named;$/);

  const plain = await startSecure(t, SERVER);
  const client = async (...words: string[]): Promise<string> => {
    const where = ['s_client', '-connect', `127.0.0.1:${plain.port}`, '-ign_eof', '-tls1_3'];
    const running = promisify(execFile)('openssl', [...where, '-maxfraglen', '512', ...words], {
      timeout: 10_000,
    });
    running.child.stdin?.end('GET / HTTP/1.0\r\n\r\n');
    return (await running).stdout;
  };
  t.match(await client('-sess_out', plain.sluice.path('session')), /served \. /);
  t.match(await client('-sess_in', plain.sluice.path('session')), /served r /);
});

t.test('OpenSSL makes the tickets of what it keeps to itself', async (t) => {
  const ciphers = 'TLS_AES_128_CCM_SHA256';
  const ccm = await startSecure(t, `ssl_conf_command Ciphersuites ${ciphers}; ${SERVER}`);
  const { session } = await nextSession(ccm, { ciphers });
  t.match((await nextSession(ccm, { ciphers, session })).text, /served r/, 'records');

  const byId = await startSecure(t, `ssl_session_tickets off; ssl_session_cache shared:x:1m; ${SERVER}`);
  const { tickets } = await granted(t, byId);
  t.equal(tickets.length, 2, 'sessions');
  t.ok(tickets.every(({ ticket }) => ticket.length === 64));
});
