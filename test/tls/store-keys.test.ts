/** Keys that OpenSSL's providers find by URI. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { encryptKey, makeIdentity } from './certificates.ts';
import { startSecure } from './secure.ts';

t.test('a key of a store, also an encrypted one, and where names have variables', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-store-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const [plain, secret] = [makeIdentity('plain'), makeIdentity('secret')];
  const uri = (name: string, key: string): string => {
    writeFileSync(join(folder, name), key);
    return `store:file:${join(folder, name)}`;
  };
  const { get } = await startSecure(
    t,
    `server { LISTEN; server_name plain; return 200 plain;
       ssl_certificate plain.crt; ssl_certificate_key ${uri('plain', plain.key)}; }
     server { LISTEN; server_name secret; return 200 secret;
       ssl_certificate secret.crt; ssl_certificate_key ${uri('secret', encryptKey(secret.key, 'word'))};
       ssl_password_file words; }
     server { LISTEN; server_name any; return 200 any;
       ssl_certificate plain.crt; ssl_certificate_key store:file:${folder}/$arg_none$ssl_server_name; }`,
    { 'plain.crt': plain.certificate, 'secret.crt': secret.certificate, words: 'wrong\nword\n' },
  );
  t.match(await get('/', { servername: 'plain' }), /\r\nplain$/);
  t.match(await get('/', { servername: 'secret' }), /\r\nsecret$/);
  writeFileSync(join(folder, 'any'), plain.key);
  t.match(await get('/', { servername: 'any' }), /\r\nany$/);
});
