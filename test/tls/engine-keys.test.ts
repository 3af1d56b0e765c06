/** Keys that an OpenSSL engine has: libp11's, in a token of SoftHSM's. */
import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { type Cleanup, Sluice } from '../support/sluice.ts';
import { makeIdentity } from './certificates.ts';
import { startSecure } from './secure.ts';

const [ENGINE = ''] = globSync('/usr/lib/*/engines-3/pkcs11.so');
const [TOKENS = ''] = globSync('/usr/lib/**/libsofthsm2.so');
const PIN = '1234';
const ID = '0a';

/** A token with a key, if there is one; what the environment has to say for it to be found. */
function makeToken(t: Cleanup, key?: string): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-token-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'tokens'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const env = {
    SOFTHSM2_CONF: file(
      'softhsm2.conf',
      `directories.tokendir = ${folder}/tokens\nobjectstore.backend = file\n`,
    ),
    OPENSSL_CONF: file(
      'openssl.cnf',
      `openssl_conf = all
[all]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = ${ENGINE}
MODULE_PATH = ${TOKENS}
PIN = ${PIN}
init = 1
`,
    ),
  };
  if (key === undefined) return env;
  const tool = (...words: string[]): Buffer =>
    execFileSync('softhsm2-util', words, { env: { ...process.env, ...env } });
  tool('--init-token', '--free', '--label', 'token', '--pin', PIN, '--so-pin', PIN);
  tool('--import', file('key', key), '--token', 'token', '--id', ID, '--label', 'key', '--pin', PIN);
  return env;
}

t.test('a key that never leaves its token', async (t) => {
  const { certificate, key: secret } = makeIdentity('token');
  const key = `engine:pkcs11:id_${ID}`;
  const { get, sluice } = await startSecure(
    t,
    `server { LISTEN; ssl_certificate token.crt; ssl_certificate_key ${key}; return 200 $ssl_protocol; }
     server { LISTEN; server_name variable; return 200 "by name";
       ssl_certificate $ssl_server_name.crt; ssl_certificate_key ${key}; }`,
    { 'token.crt': certificate, 'variable.crt': certificate },
    { env: makeToken(t, secret), main: 'env SOFTHSM2_CONF;', workers: 2 },
  );
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    t.match(await get('/', { maxVersion }), new RegExp(`\\r\\n${maxVersion}$`));
    t.match(await get('/', { maxVersion, servername: 'variable' }), /\r\nby name$/);
  }
  await sluice.reload();
  t.match(await get('/'), /\r\nTLSv1.3$/, 'after a reload');
  t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});

t.test('a token that isn’t there', async (t) => {
  const { certificate } = makeIdentity('token');
  const sluice = new Sluice({
    config: `events {} http { server { listen 127.0.0.1:1 ssl;
      ssl_certificate token.crt; ssl_certificate_key engine:pkcs11:id_0a; } }`,
    files: { 'token.crt': certificate },
  });
  t.teardown(() => sluice.remove());
  const { status, signal, stderr } = spawnSync(sluice.program, ['-t', ...sluice.arguments], {
    env: { ...process.env, ...makeToken(t) },
    encoding: 'latin1',
  });
  t.match(
    stderr,
    /cannot load certificate key "engine:pkcs11:id_0a": ENGINE_load_private_key\(\) failed \(SSL: error:.*object not found/,
  );
  t.same({ status, signal }, { status: 1, signal: null });
});
