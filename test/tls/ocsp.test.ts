import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:tls';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { startNameServer } from '../support/name-server.ts';
import { type Identity, makeIdentity } from './certificates.ts';
import { startOcspResponder } from './ocsp-responder.ts';
import { startSecure } from './secure.ts';

/** What is stapled to a handshake; undefined: nothing. */
async function staple(port: number, servername: string): Promise<Buffer | undefined> {
  const socket = connect({
    ...{ host: '127.0.0.1', port, servername, rejectUnauthorized: false, requestOCSP: true },
  });
  const [response] = (await once(socket, 'OCSPResponse')) as [Buffer | null];
  socket.destroy();
  return response ?? undefined;
}

t.test('responses are stapled', async (t) => {
  const authority = makeIdentity('authority', { authority: true });
  const responder = await startOcspResponder(t, authority);
  const url = `http://127.0.0.1:${responder.port}/ocsp`;
  const good = makeIdentity('good', { issuer: authority, responder: url });
  const silent = makeIdentity('silent', { issuer: authority });
  const revoked = makeIdentity('revoked', { issuer: authority, responder: url });
  responder.say(good, 'good');
  responder.say(silent, 'good');
  responder.say(revoked, 'revoked');
  const kept = responder.response(silent);
  const names = await startNameServer(t, () => ({ addresses: ['127.0.0.1'] }));
  const pair = (name: string): string => `ssl_certificate ${name}.crt; ssl_certificate_key ${name}.key;`;
  const { port, sluice } = await startSecure(
    t,
    `ssl_stapling on; ssl_stapling_verify on; ssl_trusted_certificate authority;
     server { LISTEN default_server; server_name good; ${pair('good')} return 200; }
     server { LISTEN; server_name file; ${pair('silent')} ssl_stapling_file file.der; return 200; }
     server { LISTEN; server_name revoked; ${pair('revoked')} return 200; }
     server { LISTEN; server_name silent; ${pair('silent')} return 200; }
     server { LISTEN; server_name resolved; ${pair('silent')} return 200;
       resolver ${names.address} ipv6=off; ssl_stapling_responder http://localhost:${responder.port}; }`,
    {
      authority: authority.certificate,
      'file.der': kept,
      ...Object.fromEntries(
        Object.entries({ good, silent, revoked }).flatMap(([name, { certificate, key }]) => [
          [`${name}.crt`, certificate],
          [`${name}.key`, key],
        ]),
      ),
    },
  );
  t.equal(await staple(port, 'good'), undefined, 'nothing is waited for');
  t.ok(await eventually('a staple', () => staple(port, 'good')));
  const asked = responder.requests;
  t.ok(await staple(port, 'good'));
  t.equal(responder.requests, asked, 'one response is for many handshakes');
  const shown = execFileSync(
    'openssl',
    ['s_client', '-connect', `127.0.0.1:${port}`, '-servername', 'good', '-status'],
    { encoding: 'latin1', input: '', stdio: ['pipe', 'pipe', 'ignore'] },
  );
  t.match(shown, /Cert Status: good/);

  t.same(await staple(port, 'file'), kept, 'ssl_stapling_file');
  await staple(port, 'revoked');
  await eventually('the log line', () =>
    sluice.logged(/certificate status "revoked" in the OCSP response while requesting certificate status/),
  );
  t.equal(await staple(port, 'revoked'), undefined);
  t.equal(await staple(port, 'silent'), undefined);
  t.ok(await eventually('a staple', () => staple(port, 'resolved')), 'ssl_stapling_responder, by a resolver');
});

t.test('clients are asked about', async (t) => {
  const authority = makeIdentity('authority', { authority: true });
  const responder = await startOcspResponder(t, authority);
  const url = `http://127.0.0.1:${responder.port}`;
  const make = (name: string): Identity => makeIdentity(name, { issuer: authority, responder: url });
  const [good, revoked, unknown] = [make('good'), make('revoked'), make('unknown')];
  const named = makeIdentity('named', { issuer: authority, responder: 'http://ocsp.example/' });
  responder.say(good, 'good');
  responder.say(revoked, 'revoked');
  const {
    get,
    connect: connectTo,
    sluice,
  } = await startSecure(
    t,
    `ssl_verify_client on; ssl_client_certificate authority; ssl_ocsp on;
     add_header X-Verify $ssl_client_verify always;
     server { LISTEN default_server; server_name plain; return 200 ok; }
     server { LISTEN; server_name cached; ssl_ocsp_cache shared:ocsp:1m; return 200 ok; }`,
    { authority: authority.certificate },
  );
  const as = ({ certificate: cert, key }: Identity, servername = 'plain') =>
    get('/', { cert, key, servername });

  t.match(await as(good), /200 OK[\s\S]*SUCCESS/);
  t.match(await as(revoked), /400 Bad Request[\s\S]*FAILED:certificate revoked/);
  t.match(await as(unknown), /400 Bad Request[\s\S]*FAILED:certificate status unknown/);
  t.match(await as(named), /400 Bad Request[\s\S]*FAILED:certificate status request failed/);
  t.ok(sluice.logged(/no resolver defined to resolve ocsp\.example/));

  t.match(await as(good, 'cached'), /SUCCESS/);
  responder.say(good, 'revoked');
  t.match(await as(good, 'cached'), /SUCCESS/, 'known from before');
  t.match(await as(good), /FAILED:certificate revoked/, 'known nowhere else');

  responder.answer = (response) => response.end('rubbish');
  t.match(await as(unknown), /FAILED:certificate status request failed/);
  t.ok(sluice.logged(/d2i_OCSP_RESPONSE\(\) failed/));
  responder.answer = (response) =>
    response.setHeader('Content-Type', 'application/ocsp-response').end(Buffer.alloc(70_000));
  t.match(await as(unknown), /FAILED:certificate status request failed/);
  t.ok(sluice.logged(/OCSP responder sent too long response/));
  const told = responder.response(good);
  responder.answer = ({ socket }) =>
    socket?.end(
      Buffer.concat([
        Buffer.from('HTTP/1.0 200 OK\nConnection: close\nContent-Type: application/ocsp-response\n\n'),
        told,
      ]),
    );
  t.match(await as(good), /FAILED:certificate revoked/, 'a head whose lines end with line feeds only');
  responder.answer = (response) => response.writeHead(500).end();
  t.match(await as(unknown), /FAILED:certificate status request failed/);

  let release = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    responder.answer = (response): void => {
      resolve();
      release = () => void response.end();
    };
  });
  const waiting = as(unknown);
  await asked;
  t.match(await as(good, 'cached'), /SUCCESS/, 'others go on while one waits');
  const gone = await connectTo({ cert: unknown.certificate, key: unknown.key, servername: 'plain' });
  gone.destroy();
  release();
  t.match(await waiting, /FAILED:certificate status request failed/);
});
