/** What is said in the log of a connection that fails after its handshake: as nginx says it. */
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import type { Cleanup } from '../support/sluice.ts';
import { RecordClient, TYPE } from './record-client.ts';
import { type Secure, startSecure } from './secure.ts';

const NGINX = '/usr/sbin/nginx';
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const ALERT = '(SSL: error:0A000410:SSL routines::ssl/tls alert handshake failure:SSL alert number 40)';
const SUITES = [
  { version: 'TLSv1.2', cipher: 'aes-128-gcm' },
  { version: 'TLSv1.3', cipher: 'aes-128-gcm' },
] as const;

/** How far a client gets before something goes wrong. */
const STATES: Record<string, (client: RecordClient) => void | Promise<void>> = {
  'before any request': () => undefined,
  'after a request': async (client) => {
    client.send(TYPE.data, GET);
    await client.until('a response', () => client.text().includes('served'));
  },
};

const FAULTS: Record<string, (client: RecordClient) => void> = {
  'an alert': (client) => client.send(TYPE.alert, Buffer.of(2, 40)),
  'a record that was altered': (client) => {
    const record = client.seal(TYPE.data, GET);
    record[20] = (record[20] ?? 0) ^ 1;
    client.socket.write(record);
  },
  'an alert that is none': (client) => client.send(TYPE.alert, Buffer.of(1)),
  'the end': (client) => client.socket.end(),
};

function start(t: Cleanup, program?: string): Promise<Secure> {
  const http = 'ssl_protocols TLSv1.2 TLSv1.3; server { LISTEN; return 200 "served"; }';
  return startSecure(t, http, {}, program === undefined ? {} : { program });
}

/** Lines of level info and above, without what differs from one run to the next. */
function lines({ sluice, port }: Secure, from: number): string[] {
  return sluice
    .errorLog()
    .slice(from)
    .split('\n')
    .filter((line) => /\[(info|warn|error|crit|alert|emerg)\]/.test(line))
    .map((line) => line.replace(/^.*?(\[\w+\]) \d+#\d+: \*\d+ /, '$1 ').replaceAll(String(port), 'PORT'));
}

/** OpenSSL 3.0 has other names for alerts, and another error before the one; nginx 1.22 has but some of these at level info. */
function withoutVersions(line: string): string {
  return line
    .replace(/^\[crit\] SSL_read/, '[info] SSL_read')
    .replace(/error:1C800066:Provider routines::cipher operation failed /, '')
    .replace(/:(sslv3|ssl\/tls) alert /, ':alert ');
}

/** What is said of each. */
async function failAll(t: Cleanup, secure: Secure): Promise<Record<string, string[]>> {
  const said: Record<string, string[]> = {};
  for (const suite of SUITES) {
    for (const [state, enter] of Object.entries(STATES)) {
      for (const [fault, commit] of Object.entries(FAULTS)) {
        const from = secure.sluice.errorLog().length;
        const client = await RecordClient.connect(t, secure.port, suite);
        await enter(client);
        commit(client);
        await client.until('the end', () => client.ended);
        await eventually('a line', () => lines(secure, from).length > 0);
        said[`${suite.version}, ${state}: ${fault}`] = lines(secure, from);
      }
    }
  }
  return said;
}

t.test('the lines are nginx’s', async (t) => {
  const [ours, nginxs] = await Promise.all([failAll(t, await start(t)), failAll(t, await start(t, NGINX))]);
  for (const [what, said] of Object.entries(nginxs)) {
    t.same(ours[what]?.map(withoutVersions), said.map(withoutVersions), what);
  }
  t.notOk(Object.values(ours).some((said) => said.some((line) => !line.startsWith('[info]'))));
  t.same(ours['TLSv1.3, after a request: a record that was altered'], [
    '[info] SSL_read() failed (SSL: error:0A000119:SSL routines::decryption failed or bad record mac) while keepalive, client: 127.0.0.1, server: 127.0.0.1:PORT',
  ]);
});

t.test('within a request', async (t) => {
  const secure = await startSecure(t, 'server { LISTEN; location / { proxy_pass http://127.0.0.1:9; } }');
  const post = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc';
  for (const [sent, context] of [
    [GET.slice(0, 5), ' while reading client request line, client: 127.0.0.1, server: , request: "GET /"'],
    [
      GET.slice(0, 20),
      ' while reading client request headers, client: 127.0.0.1, server: , request: "GET / HTTP/1.1"',
    ],
    [post, ', client: 127.0.0.1, server: , request: "POST / HTTP/1.1", host: "x"'],
  ] as const) {
    for (const suite of SUITES) {
      const from = secure.sluice.errorLog().length;
      const client = await RecordClient.connect(t, secure.port, suite);
      client.send(TYPE.data, sent);
      client.send(TYPE.alert, Buffer.of(2, 40));
      await client.until('the end', () => client.ended);
      await eventually('a line', () => lines(secure, from).length > 0);
      t.same(lines(secure, from), [`[info] SSL_read() failed ${ALERT}${context}`]);
    }
  }
});

t.test('HTTP/2', async (t) => {
  const secure = await startSecure(t, 'http2 on; server { LISTEN; return 200 "served"; }');
  const client = await RecordClient.connect(t, secure.port, SUITES[1], { ALPNProtocols: ['h2'] });
  client.send(TYPE.data, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
  client.send(TYPE.alert, Buffer.of(2, 40));
  await client.until('the end', () => client.ended);
  await eventually('a line', () => lines(secure, 0).length > 0);
  t.same(lines(secure, 0), [
    `[info] SSL_read() failed ${ALERT} while processing HTTP/2 connection, client: 127.0.0.1, server: 127.0.0.1:PORT`,
  ]);
});
