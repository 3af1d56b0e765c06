import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { startOrigin } from '../support/origin.ts';
import { digest } from './gtls-client.ts';
import { startQuic } from './serving.ts';

t.test('a request and its variables', async (t) => {
  const { get } = await startQuic(
    t,
    `server { LISTEN; server_name localhost;
       location / { add_header X-Told "$http3 $quic $server_protocol $scheme $https $remote_addr $server_port";
         add_header X-Tls "$ssl_protocol $ssl_server_name $ssl_alpn_protocol $ssl_session_reused";
         return 200 "$request_uri"; } }`,
  );
  const { statuses, fields, bodies } = await get('/a/b?c=d');
  t.strictSame(statuses, [200]);
  const told = fields.find((field) => field.startsWith('x-told'));
  t.match(told, /^x-told: h3 quic HTTP\/3\.0 https on 127\.0\.0\.1 \d+$/);
  t.ok(fields.includes('x-tls: TLSv1.3 localhost h3 .'));
  t.equal(bodies.get('b?c=d')?.toString() ?? bodies.get('b')?.toString(), '/a/b?c=d');
});

t.test('files, small and large, whole', async (t) => {
  const large = randomBytes(5_000_000);
  const { get } = await startQuic(t, 'server { LISTEN; }', { 'small.txt': 'small', 'large.bin': large });
  for (const loss of [[], ['--rx-loss=0.05', '--tx-loss=0.05']]) {
    const { statuses, bodies } = await get(['/small.txt', '/large.bin', '/missing'], { args: loss });
    t.strictSame([...statuses].sort(), [200, 200, 404]);
    t.equal(bodies.get('small.txt')?.toString(), 'small');
    t.equal(digest(bodies.get('large.bin')), digest(large), loss.length ? 'with loss' : 'without loss');
  }
});

t.test('bodies both ways through an upstream', async (t) => {
  const body = randomBytes(1_000_000);
  let received = Buffer.alloc(0);
  const origin = await startOrigin(t, ({ head, rest, socket }) => {
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    let bytes = Buffer.from(rest, 'latin1');
    const answer = (): void => {
      if (bytes.length < length) return;
      received = bytes;
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
    };
    socket.on('data', (data) => {
      bytes = Buffer.concat([bytes, Buffer.from(data.toString('latin1'), 'latin1')]);
      answer();
    });
    answer();
  });
  for (const buffering of ['on', 'off']) {
    const { get, client } = await startQuic(
      t,
      `server { LISTEN; client_max_body_size 0; location / { proxy_pass http://127.0.0.1:${origin.port};
         proxy_http_version 1.1; proxy_request_buffering ${buffering}; } }`,
    );
    writeFileSync(client.path('upload'), body);
    const { statuses, bodies } = await get('/x', { args: ['-d', client.path('upload'), '-m', 'POST'] });
    t.strictSame(statuses, [200]);
    t.equal(digest(received), digest(body), `request_buffering ${buffering}: the request's`);
    t.equal(digest(bodies.get('x')), digest(body), `request_buffering ${buffering}: the response's`);
  }
});

t.test('many streams on one connection', async (t) => {
  const { get, sluice } = await startQuic(
    t,
    'http3_max_concurrent_streams 4; server { LISTEN; keepalive_requests 100; return 200 $connection_requests; }',
  );
  const { statuses } = await get('/', { args: ['-n', '60'] });
  t.equal(statuses.filter((status) => status === 200).length, 60);
  t.equal(sluice.logged(/\[alert\]/), 0);
});

t.test('Alt-Svc says where HTTP/3 is', async (t) => {
  const { get } = await startQuic(t, 'http3_advertise on; server { LISTEN; return 204; }');
  const { fields } = await get('/');
  t.match(
    fields.find((field) => field.startsWith('alt-svc')),
    /^alt-svc: h3=":\d+"; ma=86400$/,
  );
});

t.test('a wildcard answers from the address that was asked', async (t) => {
  const { get } = await startQuic(
    t,
    'server { LISTEN; return 200 $server_addr; }',
    {},
    { address: '0.0.0.0' },
  );
  for (const host of ['127.0.0.1', '127.0.0.9'])
    t.equal((await get('/x', { host })).bodies.get('x')?.toString(), host);
});
