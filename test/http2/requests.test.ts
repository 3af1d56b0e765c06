import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:http2';
import { createConnection } from 'node:net';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { startOrigin } from '../support/origin.ts';
import type { Sluice } from '../support/sluice.ts';
import { ask, startHttp2 } from './http2.ts';

const MEGABYTE = 1024 * 1024;
const accessLog = (sluice: Sluice): string => readFileSync(sluice.path('access.log'), 'latin1');
const digest = (data: string): string => createHash('sha256').update(data, 'latin1').digest('hex');

t.test('the same server speaks HTTP/2 by TLS, in the clear, and HTTP/1.1', async (t) => {
  const { connect, connectSecurely, port, sluice } = await startHttp2(
    t,
    'return 200 "$http2 $server_protocol $scheme $host $http_host $request_uri";',
  );
  const plain = connect();
  t.equal(
    (await ask(plain, { ':path': '/a?b=c' })).body,
    `h2c HTTP/2.0 http 127.0.0.1 127.0.0.1:${port} /a?b=c`,
  );
  const secure = connectSecurely();
  t.match((await ask(secure, { ':path': '/' })).body, /^h2 HTTP\/2\.0 https 127\.0\.0\.1 /);
  t.equal(secure.alpnProtocol, 'h2');

  const socket = createConnection(port, '127.0.0.1');
  socket.write('GET /one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  let answer = '';
  for await (const piece of socket) answer += piece;
  t.match(answer, /^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n HTTP\/1\.1 http x x \/one$/s);
  await eventually('the log', () => accessLog(sluice).includes('200 HTTP/2.0 "GET /a?b=c HTTP/2.0"'));
});

t.test("a name that is an expression: what it captures is the stream's own", async (t) => {
  const { connect } = await startHttp2(t, 'server_name ~^(?<who>[a-z]+)\\.name$; return 200 "$who $1";');
  const session = connect();
  const names = ['alice', 'bob', 'carol'];
  const answers = await Promise.all(names.map((name) => ask(session, { ':authority': `${name}.name` })));
  t.same(
    answers.map(({ body }) => body),
    ['alice alice', 'bob bob', 'carol carol'],
  );
});

t.test('a preface that comes byte by byte', async (t) => {
  const { port } = await startHttp2(t, 'return 204;');
  const socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
  t.teardown(() => void socket.destroy());
  for (const byte of 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0') {
    socket.write(byte, 'latin1');
    await new Promise(setImmediate);
  }
  const [first] = await once(socket, 'data');
  t.equal(first[3], 4, 'SETTINGS come first');
});

t.test('many streams at once, small and large, in memory and from files', async (t) => {
  const large = randomBytes(MEGABYTE).toString('latin1');
  const origin = await startOrigin(t, ({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${large.length}\r\n\r\n`);
    socket.write(large, 'latin1');
  });
  const { connect, connectSecurely } = await startHttp2(
    t,
    `root .; location /proxied { proxy_pass http://127.0.0.1:${origin.port}; }
     location /small { return 200 small; }`,
    { files: { file: large } },
  );
  for (const session of [connect(), connectSecurely()]) {
    const paths = ['/file', '/small', '/proxied'].flatMap((path) => Array.from({ length: 8 }, () => path));
    const answers = await Promise.all(paths.map((path) => ask(session, { ':path': path })));
    for (const [i, answer] of answers.entries()) {
      t.equal(answer.status, 200);
      if (paths[i] === '/small') t.equal(answer.body, 'small');
      if (paths[i] === '/proxied') t.equal(digest(answer.body), digest(large));
    }
  }
});

t.test('request bodies are buffered, or streamed, whatever their size', async (t) => {
  const body = randomBytes(3 * MEGABYTE);
  const origin = await startOrigin(t, ({ socket, head, rest }) => {
    const length = Number(/Content-Length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
    let received = rest;
    const answer = (): void => {
      const whole = Number.isNaN(length) ? received.endsWith('0\r\n\r\n') : received.length === length;
      if (!whole) return;
      const text = Number.isNaN(length) ? 'chunked' : digest(received);
      socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
    };
    socket.removeAllListeners('data').on('data', (data) => {
      received += data;
      answer();
    });
    answer();
  });
  const { connectSecurely } = await startHttp2(
    t,
    `client_max_body_size 0; proxy_pass_request_headers on; proxy_http_version 1.1;
     location / { proxy_pass http://127.0.0.1:${origin.port}; }
     location /streamed { proxy_request_buffering off; proxy_pass http://127.0.0.1:${origin.port}; }`,
  );
  const session = connectSecurely();
  const expected = digest(body.toString('latin1'));
  const length = { 'content-length': body.length };
  t.equal((await ask(session, { ':method': 'POST', ':path': '/', ...length }, body)).body, expected);
  t.equal(
    (await ask(session, { ':method': 'POST', ':path': '/' }, body)).body,
    expected,
    'a length is found out',
  );
  t.equal((await ask(session, { ':method': 'POST', ':path': '/streamed', ...length }, body)).body, expected);
  t.equal((await ask(session, { ':method': 'POST', ':path': '/streamed' }, body)).body, 'chunked');
});

t.test("a stream that the client doesn't read holds back only itself", async (t) => {
  const large = 'x'.repeat(4 * MEGABYTE);
  const { connect } = await startHttp2(t, 'root .; location /small { return 200 small; }', {
    files: { file: large },
  });
  const session = connect();
  const stalled = session.request({ ':path': '/file' });
  await once(stalled, 'response');
  stalled.pause();
  for (let i = 0; i < 20; i++) t.equal((await ask(session, { ':path': '/small' })).body, 'small');
  let size = 0;
  stalled.on('data', (piece) => {
    size += piece.length;
  });
  stalled.resume();
  await once(stalled, 'end');
  t.equal(size, large.length);
});

t.test('a reset by the client ends the request; one by the server says so', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const { connect, sluice } = await startHttp2(
    t,
    `location / { proxy_pass http://127.0.0.1:${origin.port}; } location /cut { return 444; }`,
  );
  const session = connect();
  const stream = session.request({ ':path': '/' });
  await eventually('the request', () => origin.heads.length);
  stream.close(constants.NGHTTP2_CANCEL);
  await eventually('the log', () => accessLog(sluice).includes('499 HTTP/2.0 "GET / HTTP/2.0"'));
  await t.rejects(ask(session, { ':path': '/cut' }), /NGHTTP2_INTERNAL_ERROR/);
});

t.test('a client that goes away in the middle of a response leaves nothing behind', async (t) => {
  const { connect, sluice } = await startHttp2(t, 'root .; location /status { sluice_status json; }', {
    files: { file: 'x'.repeat(MEGABYTE) },
  });
  for (const end of ['reset', 'connection']) {
    const session = connect();
    const stalled = session.request({ ':path': '/file' });
    stalled.on('error', () => undefined);
    await once(stalled, 'response');
    stalled.pause();
    if (end === 'reset') stalled.close(constants.NGHTTP2_CANCEL);
    else session.destroy();
    await eventually(`${end}: nothing to be left`, async () => {
      const other = connect();
      const { connections } = JSON.parse((await ask(other, { ':path': '/status' })).body);
      other.destroy();
      return connections.writing === 1;
    });
  }
  sluice.signal('SIGQUIT');
  await eventually('the end', () => !sluice.running);
});

t.test('trailers and hints of an upstream, without what belongs to its connection', async (t) => {
  const origin = await startOrigin(t, ({ socket }) => {
    socket.write(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n' +
        'X-UPPER: One\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n',
    );
  });
  const { connect } = await startHttp2(
    t,
    `location / { proxy_http_version 1.1; proxy_pass_trailers on; proxy_set_header TE trailers;
       proxy_pass http://127.0.0.1:${origin.port}; }`,
  );
  const answer = await ask(connect(), { ':path': '/', te: 'trailers' });
  t.equal(answer.body, 'hello');
  t.match(answer.trailers, { 'x-sum': '42' });
  t.equal(answer.headers['x-upper'], 'One');
  t.notHas(answer.headers, 'connection');
  t.notHas(answer.headers, 'keep-alive');
  t.notHas(answer.headers, 'transfer-encoding');
});

t.test('streams beyond http2_max_concurrent_streams are refused, and the limit is announced', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const { connect } = await startHttp2(
    t,
    `http2_max_concurrent_streams 2; location / { proxy_pass http://127.0.0.1:${origin.port}; }
     location /x { return 200 x; }`,
  );
  const session = connect();
  const [settings] = await once(session, 'remoteSettings');
  t.equal(settings.maxConcurrentStreams, 2);
});

t.test('quit: no request is lost, and the client is told to go', async (t) => {
  let answer = (): void => undefined;
  const origin = await startOrigin(t, ({ socket }) => {
    answer = () => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  });
  const { connect, sluice } = await startHttp2(
    t,
    `location / { proxy_pass http://127.0.0.1:${origin.port}; }`,
  );
  const session = connect();
  const pending = ask(session, { ':path': '/' });
  await eventually('the request', () => origin.heads.length);
  const told = once(session, 'goaway');
  sluice.signal('SIGQUIT');
  const [code, last] = await told;
  t.equal(code, constants.NGHTTP2_NO_ERROR);
  t.equal(last, 1);
  answer();
  t.equal((await pending).body, 'ok');
  await once(session, 'close');
});
