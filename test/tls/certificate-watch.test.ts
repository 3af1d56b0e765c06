import { renameSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { makeIdentity } from './certificates.ts';
import { readToEnd, startSecure } from './secure.ts';

t.test('certificates whose files change are in use without a reload', async (t) => {
  const secure = await startSecure(
    t,
    'ssl_certificate_watch on; server { LISTEN; keepalive_timeout 60s; return 200 served; }',
    {},
    { workers: 2 },
  );
  const { sluice, connect, identity } = secure;
  const workers = sluice.workers();
  const shown = async (): Promise<string> => {
    const socket = await connect({ session: undefined });
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return String(CN);
  };
  const put = (name: string, text: string): void => {
    writeFileSync(sluice.path(`${name}.new`), text);
    renameSync(sluice.path(`${name}.new`), sluice.path(name));
  };
  const before = await connect();

  const next = makeIdentity('next');
  put('certificate', next.certificate);
  put('key', next.key);
  await eventually('the next one', async () => (await shown()) === 'next');
  await eventually('both workers to have it', async () => {
    const seen = await Promise.all(Array.from({ length: 20 }, shown));
    return seen.every((name) => name === 'next');
  });
  before.write('GET / HTTP/1.0\r\n\r\n');
  t.match(await readToEnd(before), /served$/, 'a connection from before goes on');

  put('key', identity.key);
  await eventually('the complaint', () =>
    sluice.logged(
      /\[error\] .*SSL_CTX_use_PrivateKey\(.*key values mismatch.* the certificates from before stay in use/,
    ),
  );
  t.equal(await shown(), 'next', 'a pair that does not match is not used');
  put('certificate', 'rubbish');
  await eventually('the complaint', () =>
    sluice.logged(/\[error\] .*cannot load certificate .*from before stay in use/),
  );
  t.equal(await shown(), 'next');

  process.kill(workers[0]!, 'SIGKILL');
  await eventually('another worker', () => {
    const now = sluice.workers();
    return now.length === 2 && !now.includes(workers[0]!);
  });
  const seen = await Promise.all(Array.from({ length: 20 }, shown));
  t.ok(
    seen.every((name) => name === 'next'),
    'a worker that is started later has it, too',
  );
  t.equal(sluice.logged(/from before stay in use/), 2, 'each is said once');

  put('certificate', identity.certificate);
  await eventually('the first one again', async () => (await shown()) === 'default');
  t.equal(sluice.logged(/reconfiguring/), 0);
});
