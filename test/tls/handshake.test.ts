import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type CertificateCompressionAlgorithm, type ConnectionOptions, connect } from 'node:tls';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { get as getPlain, RawClient } from '../support/raw-client.ts';
import { makeIdentity } from './certificates.ts';
import { startSecure } from './secure.ts';

/** The code that a handshake fails with. */
async function failure(port: number, options: ConnectionOptions): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  const outcome = await Promise.race([
    once(socket, 'secureConnect').then(() => 'connected'),
    new Promise<string>((resolve) =>
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code))),
    ),
  ]);
  socket.destroy();
  return outcome;
}

t.test('the server name chooses server and certificate', async (t) => {
  const exact = makeIdentity('exact');
  const wild = makeIdentity('wild');
  const regex = makeIdentity('regex');
  const both = makeIdentity('both', { ecdsa: false });
  const { connect, get, port } = await startSecure(
    t,
    `server { LISTEN; server_name first; return 200 "default $ssl_server_name"; }
     server { LISTEN; server_name exact.test; ssl_certificate exact.crt; ssl_certificate_key exact.key;
       return 200 "exact $ssl_server_name"; }
     server { LISTEN; server_name *.wild.test; ssl_certificate wild.crt; ssl_certificate_key wild.key;
       return 200 wild; }
     server { LISTEN; server_name ~^(?<digits>\\d+)\\.regex\\.test$; ssl_certificate regex.crt;
       ssl_certificate_key regex.key; return 200 "regex $digits"; }
     server { LISTEN; server_name both.test; ssl_certificate exact.crt; ssl_certificate_key exact.key;
       ssl_certificate both.crt; ssl_certificate_key both.key; return 200 $ssl_sigalg; }
     server { LISTEN; server_name refused.test; ssl_reject_handshake on; }
     server { LISTEN; server_name old.test; ssl_protocols TLSv1.2; return 200 $ssl_protocol; }`,
    {
      'exact.crt': exact.certificate,
      'exact.key': exact.key,
      'wild.crt': wild.certificate,
      'wild.key': wild.key,
      'regex.crt': regex.certificate,
      'regex.key': regex.key,
      'both.crt': both.certificate,
      'both.key': both.key,
    },
  );
  const shown = async (servername: string): Promise<string | undefined> => {
    const socket = await connect({ servername });
    const { CN } = socket.getPeerCertificate().subject;
    socket.destroy();
    return Array.isArray(CN) ? CN[0] : CN;
  };
  t.equal(await shown('exact.test'), 'exact');
  t.equal(await shown('EXACT.test'), 'exact', 'in any case');
  t.equal(await shown('a.b.wild.test'), 'wild');
  t.equal(await shown('42.regex.test'), 'regex');
  t.equal(await shown('unknown.test'), 'default');
  t.equal(await shown(''), 'default', 'none is said');
  t.match(await get('/', { servername: '42.regex.test' }), /regex 42$/, 'its expression captures');
  t.match(await get('/', { servername: 'exact.test' }), /exact exact\.test$/);
  t.match(await get('/', { servername: 'exact.test', fields: ['Host: first'] }), /default exact\.test$/);
  t.match(
    await get('/', { servername: 'exact.test', fields: ['Host: unknown'] }),
    /exact exact\.test$/,
    'a host that nobody is called stays with the server of the handshake',
  );
  t.match(await get('/', { servername: 'both.test', sigalgs: 'ECDSA+SHA256' }), /ecdsa_secp256r1_sha256$/);
  t.match(await get('/', { servername: 'both.test', sigalgs: 'RSA-PSS+SHA256' }), /rsa_pss_rsae_sha256$/);
  t.equal(await failure(port, { servername: 'refused.test' }), 'ERR_SSL_TLSV1_UNRECOGNIZED_NAME');
  t.match(await get('/', { servername: 'old.test' }), /TLSv1\.2$/, 'protocols are the server’s own');
  t.equal(
    await failure(port, { servername: 'old.test', minVersion: 'TLSv1.3' }),
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  );
});

t.test('versions, ciphers, groups and ALPN', async (t) => {
  const { get, connect, port } = await startSecure(
    t,
    `server { LISTEN; return 200 "$ssl_protocol|$ssl_cipher|$ssl_curve|$ssl_alpn_protocol|$https|$scheme"; }`,
  );
  t.match(await get('/'), /TLSv1\.3\|TLS_\w+\|X25519MLKEM768\|\|on\|https$/, 'the hybrid group comes first');
  t.match(await get('/', { ecdhCurve: 'P-256' }), /\|prime256v1\|/);
  t.match(
    await get('/', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }),
    /TLSv1\.2\|ECDHE-ECDSA-AES128-GCM-SHA256\|/,
  );
  t.match(await get('/', { ALPNProtocols: ['spdy/3', 'http/1.1'] }), /\|http\/1\.1\|on/);
  t.equal((await connect({ ALPNProtocols: ['http/1.0'] })).alpnProtocol, 'http/1.0');
  t.equal(
    await failure(port, { ALPNProtocols: ['other'] }),
    'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL',
    'nothing in common',
  );
  t.equal(
    await failure(port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
    'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
  );
});

t.test('a hello in pieces, and what is no hello', async (t) => {
  const { port, get, sluice } = await startSecure(
    t,
    'server { LISTEN; client_header_timeout 1s; return 200 well; }',
  );

  // A client's bytes go one by one through a relay.
  const server = createConnection(port, '127.0.0.1').setNoDelay(true);
  const slow = new Duplex({
    read() {},
    async write(chunk: Buffer, _encoding, done) {
      for (const byte of chunk) {
        server.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      done();
    },
  });
  server.on('data', (data) => slow.push(data)).on('end', () => slow.push(null));
  const socket = connect({ socket: slow, rejectUnauthorized: false, servername: 'x' });
  await once(socket, 'secureConnect');
  socket.write('GET / HTTP/1.0\r\n\r\n');
  const [answer] = await once(socket, 'data');
  t.match(answer.toString(), /^HTTP\/1\.1 200/);
  socket.destroy();
  server.destroy();

  t.equal((await getPlain(port)).status, 400, 'plain HTTP is told so');
  t.match((await getPlain(port)).body, /The plain HTTP request was sent to HTTPS port/);

  const sends = async (bytes: Buffer): Promise<void> => {
    const client: Socket = createConnection(port, '127.0.0.1');
    client.on('error', () => undefined);
    client.end(bytes);
    client.resume();
    await once(client, 'close');
  };
  await sends(Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0xff]));
  await sends(Buffer.from([0x16, 3, 1, 0xff, 0xff, ...Buffer.alloc(40, 0x41)]));
  await sends(Buffer.from([0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10]));
  await sends(Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0]), Buffer.alloc(512, 0)]));
  await sends(Buffer.from([0x16]));
  for (let seed = 1; seed <= 50; seed++) {
    const noise = Buffer.alloc(64 + seed, 0).map((_, i) => (i * seed * 2654435761) >>> 11);
    await sends(Buffer.concat([Buffer.from([0x16, 3, 1, 0, noise.length]), noise]));
  }
  t.match(await get('/'), /well$/, 'others are served as before');
  t.notMatch(sluice.errorLog(), /\[(alert|emerg|crit)\]/);
  t.match(
    sluice.errorLog(),
    /\[info\] .*SSL_do_handshake\(\) failed \(SSL: error:.* while SSL handshaking, client: 127\.0\.0\.1, server: 127\.0\.0\.1:\d+/,
  );

  const silent = new RawClient(port).send('\x16\x03\x01\x02\x00\x01');
  await silent.end(4000);
  await eventually('the log line', () => /client timed out .* while SSL handshaking/.test(sluice.errorLog()));
});

t.test('certificates whose names have variables', async (t) => {
  const one = makeIdentity('one');
  const { connect, port, sluice } = await startSecure(
    t,
    `server { LISTEN; ssl_certificate $ssl_server_name.crt; ssl_certificate_key $ssl_server_name.key; return 200 x; }`,
    { 'one.crt': one.certificate, 'one.key': one.key },
  );
  const socket = await connect({ servername: 'one' });
  t.equal(socket.getPeerCertificate().subject.CN, 'one');
  t.equal(await failure(port, { servername: 'two' }), 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR');
  t.match(
    sluice.errorLog(),
    /\[error\] .*cannot load certificate ".*\/two\.crt": BIO_new_file\(\) failed \(SSL: error:80000002:system library::No such file or directory:calling fopen/,
  );
});

t.test('behind the PROXY protocol', async (t) => {
  const { port } = await startSecure(
    t,
    'server { LISTEN proxy_protocol; return 200 "$proxy_protocol_addr $https"; }',
  );
  const tcp = createConnection(port, '127.0.0.1');
  tcp.write('PROXY TCP4 192.0.2.1 192.0.2.2 1234 5678\r\n');
  const socket = connect({ socket: tcp, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  socket.write('GET / HTTP/1.0\r\n\r\n');
  const [answer] = await once(socket, 'data');
  t.match(answer.toString(), /192\.0\.2\.1 on$/);
});

t.test('a certificate goes compressed to a client that knows how', async (t) => {
  const leaf = makeIdentity('leaf');
  const issuers = Array.from({ length: 8 }, (_, i) => makeIdentity(`issuer ${i}`).certificate);
  const chain = 'ssl_certificate chain; ssl_certificate_key leaf;';
  const { port } = await startSecure(
    t,
    `server { LISTEN; server_name plain.test; ${chain} }
     server { LISTEN; server_name small.test; ${chain} ssl_certificate_compression on; }`,
    { chain: [leaf.certificate, ...issuers].join(''), leaf: leaf.key },
  );
  const bytes = async (servername: string, known?: CertificateCompressionAlgorithm): Promise<number> => {
    const socket = createConnection(port, '127.0.0.1');
    const certificateCompression = known ? [known] : undefined;
    const secure = connect({ socket, servername, certificateCompression, rejectUnauthorized: false });
    await once(secure, 'secureConnect');
    t.equal(secure.getPeerCertificate().subject.CN, 'leaf');
    secure.destroy();
    return socket.bytesRead;
  };
  const whole = await bytes('small.test');
  for (const known of ['zlib', 'brotli', 'zstd'] as const) {
    t.ok((await bytes('small.test', known)) < 0.9 * whole, known);
    t.ok((await bytes('plain.test', known)) > 0.9 * whole, `${known}, where it is off`);
  }
});
