/** What lies in a session store is sealed: bound to its name, and readable by who has the key. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import t from 'tap';
import { Seal } from '../../src/tls/seal.ts';
import { RedisServer } from '../support/redis.ts';
import { KEY, STATEFUL, sessions, startHost, storeIs, VERSIONS, visit, written } from './stored-sessions.ts';

/** All keys and values of a Redis, one behind the other. */
async function dump(redis: RedisServer): Promise<Buffer> {
  return redis.with(async (client) => {
    const keys = await client.keys('*');
    const values = await Promise.all(keys.map((key) => client.getBuffer(key)));
    return Buffer.concat([
      ...keys.map((key) => Buffer.from(key)),
      ...values.map((value) => value ?? Buffer.alloc(0)),
    ]);
  });
}

t.test('a dump holds no secret in clear, nor do logs', async (t) => {
  const redis = await RedisServer.start(t);
  const host = await startHost(
    t,
    `redis://127.0.0.1:${redis.port}`,
    `${STATEFUL} ssl_session_ticket_keys cluster rotate=1h;`,
  );
  await storeIs(host, 'up');
  const secrets: Buffer[] = [];
  const lines: string[] = [];
  for (const version of VERSIONS) {
    const { session } = await visit(host, version, undefined, (socket) =>
      socket.on('keylog', (line: Buffer) => lines.push(line.toString('latin1'))),
    );
    secrets.push(session);
  }
  await written(host, 3);
  const stored = await dump(redis);
  t.ok(stored.length > 300);
  const log = Buffer.from(host.sluice.errorLog(), 'latin1');
  for (const secret of [...secrets.flatMap(masterSecrets), ...lines.flatMap(secretsOfLine)]) {
    for (const form of [
      secret,
      Buffer.from(secret.toString('hex')),
      Buffer.from(secret.toString('base64')),
    ]) {
      t.notOk(stored.includes(form), 'in the store');
      t.notOk(log.includes(form), 'in the log');
    }
  }
  for (const secret of [KEY, Buffer.from(KEY, 'hex')]) t.notOk(stored.includes(secret));
});

/** The master secret of a session (RFC 5246) or its resumption secret, as OpenSSL encodes it: 48 bytes in an OCTET STRING. */
function masterSecrets(session: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (const size of [48, 32]) {
    const head = Buffer.of(4, size);
    for (let at = session.indexOf(head); at >= 0; at = session.indexOf(head, at + 1)) {
      found.push(session.subarray(at + 2, at + 2 + size));
    }
  }
  return found;
}

function secretsOfLine(line: string): Buffer[] {
  const [, , secret] = line.trim().split(' ');
  return secret ? [Buffer.from(secret, 'hex')] : [];
}

t.test('a session is good for its server name only', async (t) => {
  const redis = await RedisServer.start(t);
  const address = `redis://127.0.0.1:${redis.port}`;
  const [one, other] = await Promise.all([startHost(t, address, STATEFUL), startHost(t, address, STATEFUL)]);
  await storeIs(one, 'up');
  await storeIs(other, 'up');
  // Node's client keeps to a session's name by itself
  const client = async (port: number, ...words: string[]): Promise<string> => {
    const common = ['s_client', '-tls1_2', '-connect', `127.0.0.1:${port}`, '-ign_eof'];
    const running = promisify(execFile)('openssl', [...common, ...words], { timeout: 10_000 });
    running.child.stdin?.end('GET / HTTP/1.0\r\n\r\n');
    return (await running).stdout;
  };
  const file = one.sluice.path('session');
  await client(one.port, '-servername', 'localhost', '-sess_out', file);
  await written(one, 1);
  t.match(await client(other.port, '-servername', 'elsewhere.example', '-sess_in', file), /^New, TLSv1.2/m);
  t.equal((await sessions(other)).remote_unreadable, 1);
  t.match(await client(other.port, '-servername', 'localhost', '-sess_in', file), /^Reused, TLSv1.2/m);
});

t.test('a key is replaced without losing sessions', async (t) => {
  const redis = await RedisServer.start(t);
  const address = `redis://127.0.0.1:${redis.port}`;
  const fresh = { NEXT_KEY: randomBytes(32).toString('base64') };
  const before = await startHost(t, address, STATEFUL);
  const during = await startHost(t, `${address} key=env:NEXT_KEY`, STATEFUL, { env: fresh });
  await storeIs(before, 'up');
  await storeIs(during, 'up');
  const { session } = await visit(before, 'TLSv1.2');
  await written(before, 1);
  t.ok((await visit(during, 'TLSv1.2', session)).resumed, 'under the key before');
  const next = await visit(during, 'TLSv1.2');
  await written(during, 1);
  t.notOk((await visit(before, 'TLSv1.2', next.session)).resumed, 'whose key is not known yet');
});

t.test('a seal opens what it closed, and nothing else', async (t) => {
  const [one, two] = [randomBytes(32), randomBytes(32)];
  const seal = new Seal([one]);
  const entry = seal.close(Buffer.from('secret'), 'context');
  t.equal(seal.open(entry, 'context')?.toString(), 'secret');
  t.equal(new Seal([two, one]).open(entry, 'context')?.toString(), 'secret');
  t.equal(new Seal([two]).open(entry, 'context'), undefined);
  t.equal(seal.open(entry, 'another'), undefined);
  t.notSame(seal.close(Buffer.from('secret'), 'context'), entry);
  for (let at = 0; at < entry.length; at++) {
    const changed = Buffer.from(entry);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    if (seal.open(changed, 'context')) t.fail(`byte ${at} may be changed`);
    if (seal.open(entry.subarray(0, at), 'context')) t.fail(`${at} bytes are enough`);
  }
});

t.test('keys: what is no key, or cannot be read', async (t) => {
  const refused = async (words: string, pattern: RegExp): Promise<void> => {
    const error = await startHost(t, 'redis://127.0.0.1:1', STATEFUL, { more: words }).then(
      () => undefined,
      (failure: Error) => failure.message,
    );
    t.match(error, pattern, words);
  };
  await refused('key=env:NOT_THERE', /the environment has no variable "NOT_THERE"/);
  await refused('key_file=missing', /open\(\) ".*missing" failed \(2: No such file or directory\)/);
  await refused('key_file=certificate', /the key in "key_file=certificate" must be 32 bytes/);
  await refused('key_file=seal key_file=seal', /more than 2 keys/);
  await refused('tls_ca=certificate', /"tls_ca=" needs a "rediss" address/);
  await refused('timeout=0', /invalid parameter "timeout=0"/);
});
