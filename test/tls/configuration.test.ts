import { spawnSync } from 'node:child_process';
import t from 'tap';
import { makeSelfSigned } from '../../src/tls/self-signed.ts';
import { Sluice } from '../support/sluice.ts';
import { encryptKey, makeIdentity } from './certificates.ts';

const identity = makeIdentity('one');
const other = makeIdentity('other');
const encrypted = encryptKey(identity.key, 'secret');

/** What `-t` says of one server's lines. */
function check(lines: string, files: Record<string, string> = {}): string {
  const sluice = new Sluice({
    config: `events {} http { access_log off; server { listen 127.0.0.1:1 ssl; ${lines} } }`,
    files: {
      certificate: identity.certificate,
      key: identity.key,
      'other.key': other.key,
      'encrypted.key': encrypted,
      passwords: 'wrong\nsecret\n',
      empty: '',
      'ticket.key': 'x'.repeat(47),
      ...files,
    },
  });
  const { stderr } = spawnSync(sluice.program, ['-t', ...sluice.arguments], { encoding: 'latin1' });
  void sluice.remove();
  return stderr.replaceAll(`${sluice.directory}/`, '');
}

const PAIR = 'ssl_certificate certificate; ssl_certificate_key key;';

t.test('what is wrong with certificates and keys is said in nginx’s words', (t) => {
  t.match(check(PAIR), /test is successful/);
  t.match(
    check('ssl_certificate missing; ssl_certificate_key key;'),
    'cannot load certificate "missing": BIO_new_file() failed (SSL: error:80000002:system library::No such file or ' +
      'directory:calling fopen(missing, r) error:10000080:BIO routines::no such file)',
  );
  t.match(
    check('ssl_certificate certificate; ssl_certificate_key missing;'),
    'cannot load certificate key "missing": BIO_new_file() failed (SSL: error:80000002:',
  );
  t.match(
    check('ssl_certificate empty; ssl_certificate_key key;'),
    /cannot load certificate "empty": PEM_read_bio_X509_AUX\(\) failed \(SSL: error:0480006C:PEM routines::no start line/,
  );
  t.match(
    check('ssl_certificate certificate; ssl_certificate_key other.key;'),
    /SSL_CTX_use_PrivateKey\("other.key"\) failed \(SSL: error:05800074:x509 certificate routines::key values mismatch\)/,
  );
  t.match(
    check('ssl_certificate certificate;'),
    'no "ssl_certificate_key" is defined for certificate "certificate"',
  );
  t.match(
    check(''),
    /no "ssl_certificate" is defined for the "listen \.\.\. ssl" directive in nginx.conf:\d+/,
  );
  t.match(check('ssl_reject_handshake on;'), /test is successful/);
  t.match(
    check('ssl_certificate certificate; ssl_certificate_key encrypted.key;'),
    /cannot load certificate key "encrypted.key": PEM_read_bio_PrivateKey\(\) failed/,
  );
  t.match(
    check('ssl_certificate certificate; ssl_certificate_key encrypted.key; ssl_password_file passwords;'),
    /test is successful/,
    'one of the pass phrases fits',
  );
  t.match(
    check('ssl_certificate certificate; ssl_certificate_key engine:none:id;'),
    /cannot load certificate key "engine:none:id": ENGINE_by_id\(\) failed \(SSL: error:.*no such engine/,
  );
  t.match(
    check('ssl_certificate certificate; ssl_certificate_key engine:none;'),
    'cannot load certificate key "engine:none": invalid syntax',
  );
  t.match(
    check('ssl_certificate certificate; ssl_certificate_key store:file:/missing;'),
    /cannot load certificate key "store:file:\/missing": OSSL_STORE_\w+\(\) failed \(SSL: error:/,
  );
  t.match(
    check(`${PAIR} ssl_password_file missing;`),
    /open\(\) "missing" failed \(2: No such file or directory\) in/,
  );
  t.end();
});

t.test('what is wrong with other settings', (t) => {
  t.match(
    check(`${PAIR} ssl_ciphers nonsense;`),
    /SSL_CTX_set_cipher_list\("nonsense"\) failed \(SSL: .*no cipher match\)/,
  );
  t.match(check(`${PAIR} ssl_ecdh_curve nonsense;`), /SSL_CTX_set1_curves_list\("nonsense"\) failed/);
  t.match(check(`${PAIR} ssl_protocols TLSv1.4;`), /invalid value "TLSv1.4" in/);
  t.match(
    check(`${PAIR} ssl_verify_client on;`),
    'no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client',
  );
  t.match(check(`${PAIR} ssl_session_ticket_key ticket.key;`), /"ticket.key" must be 48 or 80 bytes in/);
  t.match(check(`${PAIR} ssl_session_cache shared:x:1k;`), /session cache "shared:x:1k" is too small in/);
  t.match(check(`${PAIR} ssl_session_cache nonsense;`), /invalid session cache "nonsense" in/);
  t.match(
    check(`${PAIR} ssl_certificate_cache valid=1m;`),
    /"ssl_certificate_cache" must have the "max" parameter in/,
  );
  t.match(check(`${PAIR} ssl_conf_command Nonsense x;`), /SSL_CONF_cmd\("Nonsense", "x"\) failed \(SSL: /);
  t.match(check(`${PAIR} ssl_dhparam key;`), /PEM_read_bio_Parameters\("key"\) failed/);
  t.match(
    check(
      `${PAIR} ssl_session_cache shared:x:1m; ssl_session_timeout 1h; ssl_conf_command MinProtocol TLSv1.3;`,
    ),
    /successful/,
  );
  t.end();
});

t.test('certificates that clients will not like', (t) => {
  const authority = makeIdentity('authority', { authority: true });
  const leaf = makeIdentity('leaf', { issuer: authority });
  const old = makeSelfSigned(['old'], new Date('2024-01-01'), new Date('2025-01-01'));
  const both = leaf.certificate + authority.certificate;
  const shown = (certificate: string, key: string): string =>
    check('ssl_certificate shown; ssl_certificate_key shown.key;', { shown: certificate, 'shown.key': key });
  t.match(
    shown(old.certificate, old.key),
    /\[warn\] certificate "shown" has expired on \w+ .* GMT in nginx.conf:\d+/,
  );
  t.match(
    shown(leaf.certificate, leaf.key),
    /\[notice\] certificate "shown" lacks its issuer "CN=authority", .* in nginx.conf:\d+/,
  );
  t.notMatch(shown(both, leaf.key), /lacks its issuer/);
  t.notMatch(shown(authority.certificate, authority.key), /lacks its issuer/, 'signed by itself');
  const own = makeSelfSigned(['localhost', '127.0.0.1'], new Date(0), new Date('2100-01-01'));
  t.notMatch(shown(own.certificate, own.key), /lacks its issuer|expired|failed/);
  t.end();
});

t.test('stapling, OCSP and certificate compression', (t) => {
  const authority = makeIdentity('authority', { authority: true });
  const signed = makeIdentity('signed', { issuer: authority });
  const files = {
    ...{ certificate: signed.certificate, key: signed.key },
    ...{ authority: authority.certificate, no: 'no' },
  };
  for (const [directives, message] of [
    [
      'ssl_stapling on;',
      /\[warn\] "ssl_stapling" ignored, issuer certificate not found for certificate "certificate"/,
    ],
    [
      'ssl_stapling on; ssl_trusted_certificate authority;',
      /\[warn\] "ssl_stapling" ignored, no OCSP responder URL in the certificate "certificate"/,
    ],
    [
      'ssl_stapling on; ssl_trusted_certificate authority; ssl_stapling_responder https://x/;',
      /\[warn\] "ssl_stapling" ignored, invalid URL prefix in OCSP responder "https:\/\/x\/" in the certificate/,
    ],
    [
      'ssl_stapling on; ssl_stapling_file no;',
      /\[emerg\] d2i_OCSP_RESPONSE_bio\("no"\) failed \(SSL: error:/,
    ],
    ['ssl_stapling on; ssl_stapling_file none;', /\[emerg\] BIO_new_file\("none"\) failed \(SSL: error:/],
    [
      'ssl_stapling on; ssl_certificate_compression on;',
      /\[emerg\] "ssl_stapling" is incompatible with "ssl_certificate_compression"/,
    ],
    [
      'ssl_ocsp on; ssl_verify_client optional_no_ca;',
      /\[emerg\] "ssl_ocsp" is incompatible with "ssl_verify_client optional_no_ca"/,
    ],
    [
      'ssl_ocsp on; ssl_verify_client on; ssl_ocsp_responder ftp://x;',
      /\[emerg\] invalid URL prefix in OCSP responder "ftp:\/\/x" in "ssl_ocsp_responder"/,
    ],
    ['ssl_ocsp_cache shared:x:1k;', /\[emerg\] OCSP cache "shared:x:1k" is too small in .*nginx.conf:/],
    ['ssl_ocsp_cache builtin;', /\[emerg\] invalid OCSP cache "builtin" in .*nginx.conf:/],
    ['ssl_ech_file x;', /\[warn\] "ssl_ech_file" is not supported on this platform, ignored/],
  ] as const) {
    t.match(check(`${PAIR} ssl_client_certificate authority; ${directives}`, files), message);
  }
  t.end();
});
