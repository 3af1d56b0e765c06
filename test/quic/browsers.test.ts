// Clients with QUIC libraries of their own: Chromium, and impit, which has Rust's quinn and h3.
import { randomBytes } from 'node:crypto';
import { Impit } from 'impit';
import t from 'tap';
import { Chromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { startOrigin } from '../support/origin.ts';
import { digest } from './gtls-client.ts';
import { startQuic } from './serving.ts';

const file = randomBytes(1_000_000);

/** The same port over TCP, too. */
const BOTH = 'LISTEN; listen 127.0.0.1:PORT ssl; http2 on; http3_advertise on;';

t.test('impit', async (t) => {
  let posted = '';
  const origin = await startOrigin(t, ({ head, rest, socket }) => {
    posted += rest;
    socket.on('data', (data) => {
      posted += data;
    });
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Asked: ${head.split('\r\n')[0]}\r\n\r\nok`);
  });
  const { port } = await startQuic(
    t,
    `server { ${BOTH} add_header X-Protocol $server_protocol; root .;
location /upstream { proxy_pass http://127.0.0.1:${origin.port}; } }`,
    { 'file.bin': file },
  );
  const client = new Impit({ ignoreTlsErrors: true, http3: true });
  const url = `https://127.0.0.1:${port}`;
  for (let i = 0; i < 3; i++) {
    const answer = await client.fetch(`${url}/file.bin`, { forceHttp3: true });
    t.equal(answer.status, 200);
    t.equal(answer.headers.get('x-protocol'), 'HTTP/3.0');
    t.match(answer.headers.get('alt-svc'), `h3=":${port}"`);
    t.equal(digest(await answer.bytes()), digest(file));
  }
  const tcp = await client.fetch(`${url}/file.bin`, { forceHttp3: false });
  t.match(tcp.headers.get('alt-svc'), `h3=":${port}"`);
  const body = 'x'.repeat(200_000);
  const post = await client.fetch(`${url}/upstream`, { method: 'POST', body, forceHttp3: true });
  t.match(post.headers.get('x-asked'), /^POST \/upstream /);
  t.equal(await post.text(), 'ok');
  await eventually('the body', () => posted.length === body.length);
});

t.test('Chromium', async (t) => {
  const { port, identity } = await startQuic(
    t,
    `server { ${BOTH} root .; keepalive_timeout 5s;
location = /page { default_type text/html; return 200 "<title>a page</title>"; }
location = /protocol { add_header Cache-Control no-store; return 200 $server_protocol; } }`,
    { 'file.bin': file },
  );
  const origin = `localhost:${port}`;
  const chromium = await Chromium.start(t, {
    trusted: [identity.certificate],
    args: ['--host-resolver-rules=MAP localhost 127.0.0.1', `--origin-to-force-quic-on=${origin}`],
  });
  const page = await chromium.page();
  await page.open(`https://${origin}/page`);
  const protocol = 'fetch("/protocol").then((answer) => answer.text())';
  t.equal(await page.evaluate(protocol), 'HTTP/3.0');
  t.equal(
    await page.evaluate(`fetch('/file.bin').then((answer) => answer.arrayBuffer())
      .then((bytes) => crypto.subtle.digest('SHA-256', bytes))
      .then((sum) => [...new Uint8Array(sum)].map((byte) => byte.toString(16).padStart(2, '0')).join(''))`),
    digest(file),
  );
  const many = `Promise.all(Array.from({ length: 50 }, () => ${protocol}))`;
  t.strictSame(await page.evaluate(many), Array(50).fill('HTTP/3.0'));
  const navigation = 'performance.getEntriesByType("navigation")[0].nextHopProtocol';
  t.equal(await page.evaluate(navigation), 'h3');
});
