import { constants } from 'node:crypto';
import t from 'tap';
import { read, readToEnd, startSecure } from './secure.ts';

const SERVER = 'server { LISTEN; return 200 "$ssl_cipher $ssl_curve $ssl_session_reused"; }';
const SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
/** Secrets of 32 bytes, of 48 and 66, which with SHA-256 is more than a block, and of ML-KEM's and X25519's together. */
const GROUPS = ['X25519', 'P-384', 'P-521', 'X25519MLKEM768'];

t.test(
  'TLS 1.3: keys are those that OpenSSL derives, for every suite and group, also when resumed',
  async (t) => {
    const { connect, get } = await startSecure(t, SERVER);
    for (const ciphers of SUITES) {
      for (const ecdhCurve of GROUPS) {
        const choice = { minVersion: 'TLSv1.3', ciphers, ecdhCurve } as const;
        const socket = await connect(choice);
        let session: Buffer | undefined;
        socket.on('session', (fresh: Buffer) => {
          session = fresh;
        });
        socket.write('GET / HTTP/1.0\r\n\r\n');
        t.match(await readToEnd(socket), new RegExp(`${ciphers} \\S+ \\.$`), `${ciphers}, ${ecdhCurve}`);
        t.match(await get('/', { ...choice, session }), new RegExp(`${ciphers} \\S+ r$`), 'resumed');
      }
    }
  },
);

t.test('a client that asks nothing gets its tickets all the same', async (t) => {
  const { connect } = await startSecure(t, SERVER);
  const silent = await connect({ minVersion: 'TLSv1.3' });
  const session = await new Promise((resolve) => silent.once('session', resolve));
  t.ok(session, 'without a request');
});

t.test(
  'TLS 1.2 with CBC: records are authenticated by HMAC of every digest, ahead of encryption or behind',
  async (t) => {
    const { connect } = await startSecure(t, 'server { LISTEN; return 200 "$ssl_cipher $http_x"; }');
    for (const ciphers of [
      'ECDHE-ECDSA-AES128-SHA',
      'ECDHE-ECDSA-AES128-SHA256',
      'ECDHE-ECDSA-AES256-SHA384',
    ]) {
      for (const secureOptions of [0, constants.SSL_OP_NO_ENCRYPT_THEN_MAC]) {
        const socket = await connect({
          maxVersion: 'TLSv1.2',
          ciphers: `${ciphers}:@SECLEVEL=0`,
          secureOptions,
        });
        // Of every length that padding may have.
        for (let length = 0; length < 17; length++) {
          const field = 'x'.repeat(length * 7);
          socket.write(`GET / HTTP/1.1\r\nHost: a\r\nX: ${field}\r\n\r\n`);
          const answer = await read(socket, (text) => text.includes('\r\n\r\n') && text.includes('SHA'));
          t.match(answer, new RegExp(`${ciphers} ${field}$`), `${ciphers}, ${secureOptions}, ${length}`);
        }
        socket.destroy();
      }
    }
  },
);
