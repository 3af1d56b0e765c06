import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import t from 'tap';
import { startOrigin } from '../support/origin.ts';
import { digest } from './gtls-client.ts';
import { startQuic } from './serving.ts';

t.test('0-RTT, where early data is let in', async (t) => {
  const { get, client } = await startQuic(
    t,
    `ssl_early_data on; server { LISTEN; add_header X-Early "$ssl_early_data$ssl_session_reused" always; return 200; }`,
  );
  // a ticket comes after the handshake: the client has to stay for it
  const first = await get('/', { args: [...client.resuming, '--timeout=1s'], stays: true });
  t.ok(first.fields.includes('x-early: .'));
  const second = await get('/', { args: client.resuming });
  t.ok(second.fields.includes('x-early: 1r'), 'early');
  const third = await get('/', { args: [...client.resuming, '--disable-early-data'] });
  t.ok(third.fields.includes('x-early: r'), 'resumed without');
});

t.test('no early data unless it is asked for', async (t) => {
  const { get, client } = await startQuic(
    t,
    'server { LISTEN; add_header X-Early "$ssl_early_data$ssl_session_reused" always; return 200; }',
  );
  await get('/', { args: [...client.resuming, '--timeout=1s'], stays: true });
  t.ok((await get('/', { args: client.resuming })).fields.includes('x-early: r'));
});

t.test('Retry', async (t) => {
  const { get } = await startQuic(t, 'quic_retry on; server { LISTEN; return 200; }');
  const { statuses, log } = await get('/');
  t.strictSame(statuses, [200]);
  t.match(log, /type=Retry/);
});

t.test('a version that nobody speaks', async (t) => {
  const { get } = await startQuic(t, 'server { LISTEN; return 200; }');
  const { log } = await get('/', { args: ['-v', '0x1a2a3a4a', '--timeout=2s'] });
  t.match(log, /VN|Version Negotiation|version=0x00000001|v=0x00000001/i);
});

for (const cipher of ['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305']) {
  t.test(cipher, async (t) => {
    const { get } = await startQuic(t, 'server { LISTEN; return 200 $ssl_cipher; }');
    const ciphers = `NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+${cipher}`;
    const { bodies } = await get('/x', { args: [`--ciphers=${ciphers}`, '--key-update=1ms'] });
    t.equal(bodies.get('x')?.toString().replaceAll('_', '-').includes(cipher), true);
  });
}

t.test('keys change and addresses change while a file comes', async (t) => {
  const file = randomBytes(3_000_000);
  const { get } = await startQuic(
    t,
    'server { LISTEN; limit_rate 2m; }',
    { 'file.bin': file },
    { workers: 4 },
  );
  const changes = {
    'key update': ['--key-update=100ms'],
    migration: ['--change-local-addr=100ms'],
  };
  for (const [name, args] of Object.entries(changes)) {
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => get('/file.bin', { args })));
    for (const { bodies } of outcomes) t.equal(digest(bodies.get('file.bin')), digest(file), name);
  }
});

t.test('a NAT gives the client another port while a body goes up', async (t) => {
  const body = randomBytes(4_000_000);
  let received = 0;
  const origin = await startOrigin(t, ({ rest, socket }) => {
    const take = (bytes: number): void => {
      received += bytes;
      if (received === body.length) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    };
    socket.on('data', (data) => take(data.length));
    take(rest.length);
  });
  const { get, client, sluice } = await startQuic(
    t,
    `server { LISTEN; client_max_body_size 0; location / { proxy_request_buffering off;
       proxy_http_version 1.1; proxy_pass http://127.0.0.1:${origin.port}; } }`,
    {},
    { workers: 4 },
  );
  writeFileSync(client.path('upload'), body);
  const moving = ['--change-local-addr=10ms', '--nat-rebinding'];
  const { statuses } = await get('/x', { args: ['-m', 'POST', '-d', client.path('upload'), ...moving] });
  t.strictSame(statuses, [200]);
  t.equal(received, body.length);
  t.equal(sluice.logged(/quic connection migrated to /), 1);
});
