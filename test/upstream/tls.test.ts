/** proxy_pass https://…: who the upstream is, who we are to it, and what goes wrong. */
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import t from 'tap';
import { serve } from '../http/serving.ts';
import { eventually } from '../support/eventually.ts';
import { type Cleanup, Sluice } from '../support/sluice.ts';
import { encryptKey, makeIdentity } from '../tls/certificates.ts';
import { startSecureOrigin } from './secure-origin.ts';

const authority = makeIdentity('authority', { authority: true });
const stranger = makeIdentity('stranger', { authority: true });
const origin = makeIdentity('origin.example', { issuer: authority });

async function listening(t: Cleanup, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

t.test('bodies of any size go both ways', async (t) => {
  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
  const large = randomBytes(3_000_000);
  const { port } = await startSecureOrigin(t, origin, {}, async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    response.setHeader('X-Digest', digest(Buffer.concat(pieces)));
    response.end(large);
  });
  for (const buffering of ['on', 'off']) {
    const { port: at } = await serve(
      t,
      `server { listen LISTEN; client_max_body_size 0;
        proxy_buffering ${buffering}; proxy_request_buffering ${buffering};
        location / { proxy_pass https://127.0.0.1:${port}; } }`,
    );
    const body = randomBytes(2_000_000);
    const answer = await fetch(`http://127.0.0.1:${at}/`, { method: 'POST', body });
    t.equal(answer.headers.get('x-digest'), digest(body), `the request, buffering ${buffering}`);
    t.equal(digest(Buffer.from(await answer.arrayBuffer())), digest(large), 'the response');
  }
});

t.test('the name that the upstream is told', async (t) => {
  const { port, names } = await startSecureOrigin(t, origin);
  const { body } = await serve(
    t,
    `upstream group { server 127.0.0.1:${port}; }
     server { listen LISTEN; proxy_ssl_session_reuse off;
      location /silent { proxy_pass https://group; }
      location /group { proxy_pass https://group; proxy_ssl_server_name on; }
      location /said { proxy_pass https://group; proxy_ssl_server_name on; proxy_ssl_name said.example; }
      location /port { proxy_pass https://group; proxy_ssl_server_name on; proxy_ssl_name $http_host; }
      location /address { proxy_pass https://127.0.0.1:${port}; proxy_ssl_server_name on; }
      location /variable { set $to group; proxy_pass https://$to; proxy_ssl_server_name on; } }`,
  );
  for (const path of ['silent', 'group', 'said', 'address', 'variable']) await body(`/${path}`);
  await body('/port', 'Host: with.port:8443');
  t.same(names, ['', 'group', 'said.example', '', 'group', 'with.port']);
});

t.test('an upstream is verified', async (t) => {
  const { port } = await startSecureOrigin(t, origin);
  const { answer, sluice } = await serve(
    t,
    `server { listen LISTEN; proxy_ssl_verify on; proxy_ssl_trusted_certificate ca;
      location /right { proxy_pass https://127.0.0.1:${port}; proxy_ssl_name origin.example; }
      location /name { proxy_pass https://127.0.0.1:${port}; proxy_ssl_name other.example; }
      location /ca { proxy_pass https://127.0.0.1:${port}; proxy_ssl_name origin.example;
        proxy_ssl_trusted_certificate stranger; }
      location /off { proxy_pass https://127.0.0.1:${port}; proxy_ssl_verify off; } }`,
    { ca: authority.certificate, stranger: stranger.certificate },
  );
  t.match(await answer('/right'), /^HTTP\/1.1 200/);
  t.match(await answer('/off'), /^HTTP\/1.1 200/);
  t.match(await answer('/name'), /^HTTP\/1.1 502/, 'a certificate for another name');
  t.equal(
    sluice.logged(
      /\[error\] .*upstream SSL certificate does not match "other.example" while SSL handshaking to upstream, client: 127\.0\.0\.1, server: , request: "GET \/name HTTP\/1\.1", upstream: "https:\/\/127/,
    ),
    1,
  );
  t.match(await answer('/ca'), /^HTTP\/1.1 502/, 'an authority that nobody trusts');
  t.equal(
    sluice.logged(
      /upstream SSL certificate verify error: \(2[01]:unable to [a-z ]+\) while SSL handshaking to upstream/,
    ),
    1,
  );
  t.match(await answer('/right'), /^HTTP\/1.1 200/, 'a session of one that failed is not taken over');
});

t.test('who we are to the upstream', async (t) => {
  const client = makeIdentity('client', { issuer: authority });
  const other = makeIdentity('other', { issuer: authority });
  const { port } = await startSecureOrigin(
    t,
    origin,
    { requestCert: true, rejectUnauthorized: false, ca: authority.certificate },
    (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      response.end(subject?.CN ?? 'nobody');
    },
  );
  const { body, answer, sluice } = await serve(
    t,
    `upstream group { server 127.0.0.1:${port}; keepalive 4; }
     server { listen LISTEN; proxy_ssl_certificate client.crt; proxy_ssl_certificate_key client.key;
      location /client { proxy_pass https://group; }
      location /encrypted { proxy_pass https://group; proxy_ssl_certificate_key locked.key;
        proxy_ssl_password_file passwords; }
      location /nobody { proxy_pass https://group; proxy_ssl_certificate ""; }
      location /by-request { proxy_pass https://group; proxy_ssl_certificate $arg_who.crt;
        proxy_ssl_certificate_key $arg_who.key; proxy_ssl_certificate_cache max=8; }
      location /command { proxy_pass https://group; proxy_ssl_conf_command Certificate other.crt;
        proxy_ssl_conf_command PrivateKey other.key; } }`,
    {
      'client.crt': client.certificate,
      'client.key': client.key,
      'locked.key': encryptKey(client.key, 'secret'),
      passwords: 'wrong\nsecret\n',
      'other.crt': other.certificate,
      'other.key': other.key,
    },
  );
  t.equal(await body('/client'), 'client');
  t.equal(await body('/encrypted'), 'client');
  t.equal(await body('/nobody'), 'nobody', 'a kept connection is another one’s');
  t.equal(await body('/command'), 'other');
  t.equal(await body('/by-request?who=client'), 'client');
  t.equal(await body('/by-request?who=other'), 'other', 'the same connection is not another one’s');
  t.equal(await body('/by-request?who=client'), 'client');
  t.match(await answer('/by-request?who=none'), /^HTTP\/1.1 500/);
  t.match(sluice.errorLog(), /\[error\] .*cannot load certificate ".*none.crt": BIO_new_file\(\) failed/);
});

t.test('sessions are resumed with each peer, and not with others', async (t) => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { port, resumed } = await startSecureOrigin(t, origin, { maxVersion });
    const { body } = await serve(
      t,
      `upstream group { server 127.0.0.1:${port}; keepalive 0; }
       server { listen LISTEN; proxy_ssl_server_name on;
        location / { proxy_pass https://group; proxy_ssl_name $arg_name; }
        location /off { proxy_pass https://group; proxy_ssl_session_reuse off; } }`,
    );
    for (const path of ['/?name=a', '/?name=a', '/?name=b', '/?name=b', '/?name=a', '/off', '/off']) {
      t.equal(await body(path), 'secured');
    }
    t.same(resumed, [false, true, false, true, true, false, false], maxVersion);
  }
});

t.test('a zone shares sessions over a reload', async (t) => {
  const { port, resumed } = await startSecureOrigin(t, origin);
  const { body, sluice } = await serve(
    t,
    `upstream group { zone group 64k; server 127.0.0.1:${port}; keepalive 0; }
     server { listen LISTEN; location / { proxy_pass https://group; } }`,
  );
  await body('/');
  await sluice.reload();
  await body('/');
  t.same(resumed, [false, true]);
});

t.test('kept connections', async (t) => {
  const { port, names } = await startSecureOrigin(t, origin);
  const { body } = await serve(
    t,
    `upstream group { server 127.0.0.1:${port}; keepalive 8; }
     server { listen LISTEN; proxy_ssl_server_name on;
      location / { proxy_pass https://group; proxy_ssl_name $arg_name; }
      location /other { proxy_pass https://group; proxy_ssl_name $arg_name; proxy_ssl_ciphers HIGH; } }`,
  );
  for (const path of ['/?name=a', '/?name=b', '/?name=a', '/?name=b', '/other?name=a', '/other?name=a']) {
    await body(path);
  }
  t.same(names, ['a', 'b', 'a'], 'one for each name, and for each way of securing it');
});

t.test('a handshake that fails', async (t) => {
  const plain = await listening(
    t,
    createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    }),
  );
  const closing = await listening(
    t,
    createServer((socket) => {
      socket.once('data', () => socket.destroy());
    }),
  );
  const silent = await listening(t, createServer());
  const { port: old } = await startSecureOrigin(t, origin, { maxVersion: 'TLSv1.2' });
  const { port: good } = await startSecureOrigin(t, origin);
  const { answer, body, sluice } = await serve(
    t,
    `upstream next { server 127.0.0.1:${closing}; server 127.0.0.1:${good}; }
     server { listen LISTEN;
      location /plain { proxy_pass https://127.0.0.1:${plain}; }
      location /closing { proxy_pass https://127.0.0.1:${closing}; }
      location /silent { proxy_pass https://127.0.0.1:${silent}; proxy_connect_timeout 200ms; }
      location /old { proxy_pass https://127.0.0.1:${old}; proxy_ssl_protocols TLSv1.3; }
      location /next { proxy_pass https://next; } }`,
  );
  t.match(await answer('/plain'), /^HTTP\/1.1 502/);
  t.match(
    sluice.errorLog(),
    /\[error\] .*SSL_do_handshake\(\) failed \(SSL: error:0A00010B:SSL routines::wrong version number\) while SSL handshaking to upstream/,
  );
  t.match(await answer('/closing'), /^HTTP\/1.1 502/);
  t.match(
    sluice.errorLog(),
    /\[error\] .*peer closed connection in SSL handshake .*while SSL handshaking to upstream/,
  );
  t.match(await answer('/silent'), /^HTTP\/1.1 504/);
  t.match(
    sluice.errorLog(),
    /upstream timed out \(110: Connection timed out\) while SSL handshaking to upstream/,
  );
  t.match(await answer('/old'), /^HTTP\/1.1 502/);
  t.match(sluice.errorLog(), /SSL_do_handshake\(\) failed .*alert protocol version.*while SSL handshaking/);
  t.equal(await body('/next'), 'secured', 'the next peer is asked');
});

t.test('an upstream that dies within TLS', async (t) => {
  const { port } = await startSecureOrigin(t, origin, {}, (request, response) => {
    response.setHeader('Content-Length', 100);
    response.write('half');
    setTimeout(() => request.socket.destroy(), 20);
  });
  const { answer, sluice } = await serve(
    t,
    `server { listen LISTEN; location / { proxy_pass https://127.0.0.1:${port}; } }`,
  );
  t.match(await answer('/'), /half/);
  await eventually('the log', () => sluice.logged(/upstream prematurely closed connection/) === 1);
});

t.test('records that were tampered with', async (t) => {
  const { port } = await startSecureOrigin(t, origin, {}, (_, response) => {
    response.end('x'.repeat(1000));
  });
  // in between: the last record of the answer has a wrong byte
  const tampering = await listening(
    t,
    createServer((client) => {
      const server = connect(port, '127.0.0.1');
      let asked = 0;
      client.on('data', (data) => {
        asked++;
        server.write(data);
      });
      server.on('data', (data: Buffer) => {
        const last = data.length - 1;
        const tampered = Buffer.from([(data[last] ?? 0) ^ 1]);
        client.write(asked > 1 && last > 1000 ? Buffer.concat([data.subarray(0, last), tampered]) : data);
      });
      for (const socket of [client, server]) socket.on('error', () => undefined);
      client.on('close', () => server.destroy());
      server.on('close', () => client.destroy());
    }),
  );
  const { answer, sluice } = await serve(
    t,
    `server { listen LISTEN; location / { proxy_pass https://127.0.0.1:${tampering}; } }`,
  );
  t.match(await answer('/'), /^HTTP\/1.1 502/);
  t.match(
    sluice.errorLog(),
    /\[error\] .*SSL_read\(\) failed \(SSL: error:[0-9A-F]+:SSL routines::decryption failed or bad record mac.*while (reading response header from|sending request to) upstream/,
  );
});

t.test('what is wrong with proxy_ssl_* is said when the configuration is read', (t) => {
  const other = makeIdentity('other');
  const check = (lines: string, pass = 'https://127.0.0.1:1'): string => {
    const sluice = new Sluice({
      config: `events {} http { access_log off; server { listen 127.0.0.1:1;
        location / { proxy_pass ${pass}; ${lines} } } }`,
      files: {
        certificate: origin.certificate,
        key: origin.key,
        'other.key': other.key,
        ca: authority.certificate,
      },
    });
    const { stderr } = spawnSync(sluice.program, ['-t', ...sluice.arguments], { encoding: 'latin1' });
    void sluice.remove();
    return stderr.replaceAll(`${sluice.directory}/`, '');
  };
  const good = 'proxy_ssl_verify on; proxy_ssl_trusted_certificate ca; proxy_ssl_certificate certificate;';
  t.match(check(`${good} proxy_ssl_certificate_key key;`), /test is successful/);
  t.match(check('proxy_ssl_verify on;'), /\[emerg\] .*no proxy_ssl_trusted_certificate for proxy_ssl_verify/);
  t.match(
    check('proxy_ssl_certificate certificate;'),
    /\[emerg\] .*no "proxy_ssl_certificate_key" is defined for certificate "certificate"/,
  );
  t.match(
    check('proxy_ssl_certificate certificate; proxy_ssl_certificate_key other.key;'),
    /\[emerg\] .*SSL_CTX_use_PrivateKey\("other.key"\) failed \(SSL: error:05800074:.*key values mismatch\)/,
  );
  t.match(
    check('proxy_ssl_verify on; proxy_ssl_trusted_certificate missing;'),
    /\[emerg\] .*cannot load certificate "missing": BIO_new_file\(\) failed/,
  );
  t.match(check(`${good} proxy_ssl_certificate_key key; proxy_ssl_crl ca;`), /cannot load CRL "ca"/);
  t.match(check('proxy_ssl_ciphers nonsense;'), /SSL_CTX_set_cipher_list\("nonsense"\) failed/);
  t.match(check('proxy_ssl_conf_command No Such;'), /SSL_CONF_cmd\("No", "Such"\) failed/);
  t.match(check('proxy_ssl_verify on;', 'http://127.0.0.1:1'), /test is successful/, 'nobody needs it');
  t.end();
});
