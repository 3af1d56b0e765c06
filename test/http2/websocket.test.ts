import { createHash } from 'node:crypto';
import { once } from 'node:events';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { startOrigin } from '../support/origin.ts';
import { ask, startHttp2 } from './http2.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const connect = {
  ':method': 'CONNECT',
  ':protocol': 'websocket',
  ':path': '/chat',
  'sec-websocket-version': '13',
  'sec-websocket-protocol': 'chat',
};

t.test('WebSocket over HTTP/2 goes to an upstream that speaks HTTP/1.1', async (t) => {
  const origin = await startOrigin(t, ({ socket, head }) => {
    const key = /^sec-websocket-key: (.*)$/im.exec(head)?.[1] ?? '';
    const accept = createHash('sha1')
      .update(key + GUID)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\nhello`,
    );
    socket.removeAllListeners('data').on('data', (data) => void socket.write(`<${data}>`));
    socket.on('end', () => void socket.end());
  });
  const { connectSecurely, sluice } = await startHttp2(
    t,
    `location / { proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
       proxy_set_header Connection $http_connection; proxy_pass http://127.0.0.1:${origin.port}; }`,
  );
  const session = connectSecurely();
  const [settings] = await once(session, 'remoteSettings');
  t.equal(settings.enableConnectProtocol, true);
  const stream = session.request({ ...connect, ':scheme': 'https' }, { endStream: false });
  let received = '';
  stream.setEncoding('latin1').on('data', (data) => {
    received += data;
  });
  const [head] = await once(stream, 'response');
  t.equal(head[':status'], 200);
  t.equal(head['sec-websocket-protocol'], 'chat');
  t.notHas(head, 'sec-websocket-accept');
  t.notHas(head, 'upgrade');
  stream.write('one');
  await eventually('the echo', () => received === 'hello<one>');
  const large = 'x'.repeat(500_000);
  stream.write(large);
  await eventually('all of it', () => received.replaceAll(/[<>]/g, '').length === 8 + large.length);
  stream.end();
  await once(stream, 'close');

  const [sent = ''] = origin.heads;
  t.match(sent, /^GET \/chat HTTP\/1\.1\r\n/);
  t.match(sent, /^Upgrade: websocket\r$/im);
  t.match(sent, /^Connection: upgrade\r$/im);
  t.match(sent, /^sec-websocket-version: 13\r?$/im);
  t.match(sent, /^sec-websocket-key: [A-Za-z0-9+/]{22}==\r?$/im);
  await eventually('the log', () => sluice.logged(/./) > 0);
});

t.test('an upstream may say no', async (t) => {
  const origin = await startOrigin(t, ({ socket }) => {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
  });
  const { connectSecurely } = await startHttp2(
    t,
    `location / { proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
       proxy_set_header Connection $http_connection; proxy_pass http://127.0.0.1:${origin.port}; }`,
  );
  const session = connectSecurely();
  await once(session, 'remoteSettings');
  const answer = await ask(session, { ...connect, ':scheme': 'https' });
  t.equal(answer.status, 403);
  t.equal(answer.body, 'no');
});

t.test('a CONNECT without a protocol is refused', async (t) => {
  const { connectSecurely } = await startHttp2(t, 'return 200;');
  const session = connectSecurely();
  t.equal((await ask(session, { ':method': 'CONNECT', ':authority': 'x:443' })).status, 405);
});
