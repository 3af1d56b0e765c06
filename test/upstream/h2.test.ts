/** proxy_http_version 2. */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { constants, type ServerHttp2Stream } from 'node:http2';
import t from 'tap';
import { type Serving, serve as serveRaw } from '../http/serving.ts';
import { eventually } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import type { Cleanup } from '../support/sluice.ts';
import { makeIdentity } from '../tls/certificates.ts';
import {
  END_HEADERS,
  END_STREAM,
  fields,
  frame,
  number,
  startFrames,
  startH2Origin,
  TYPE,
} from './h2-origin.ts';

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** As serving.ts has it, but bodies come without their chunks. */
async function serve(t: Cleanup, http: string, files: Record<string, string> = {}): Promise<Serving> {
  const served = await serveRaw(t, http, files);
  const body = async (target: string, ...fields: string[]): Promise<string> => {
    const client = new RawClient(served.port);
    client.send([`GET ${target} HTTP/1.1`, 'Host: localhost', ...fields, '', ''].join('\r\n'));
    const answer = await client.response();
    client.close();
    return answer.body;
  };
  return { ...served, body };
}

/** One location that passes on to a group of one peer. */
const proxy = (port: number, lines = '', group = 'keepalive 4;'): string =>
  `upstream group { server 127.0.0.1:${port}; ${group} }
   server { listen LISTEN; client_max_body_size 0; proxy_http_version 2; ${lines}
    location / { proxy_pass http://group; } }`;

t.test('what a request becomes', async (t) => {
  const { port } = await startH2Origin(t, (stream, headers) => stream.end(JSON.stringify(headers)));
  const { body } = await serve(
    t,
    `server { listen LISTEN; proxy_http_version 2;
      location / { proxy_pass http://127.0.0.1:${port}/there/; }
      location /set/ { proxy_pass http://127.0.0.1:${port}; proxy_set_header Host set.example;
        proxy_set_header X-Set yes; proxy_set_header Connection close; proxy_set_header TE $http_te; } }`,
  );
  const seen = JSON.parse(await body('/a?b=c', 'X-Mixed: Case', 'Keep-Alive: 5', 'Expect: x', 'Cookie: a=b'));
  t.match(seen, {
    ':method': 'GET',
    ':scheme': 'http',
    ':path': '/there/a?b=c',
    ':authority': `127.0.0.1:${port}`,
    'x-mixed': 'Case',
    cookie: 'a=b',
  });
  for (const name of ['host', 'connection', 'keep-alive', 'transfer-encoding', 'te', 'expect']) {
    t.notOk(name in seen, `no ${name}`);
  }
  const set = JSON.parse(await body('/set/', 'TE: trailers'));
  t.match(set, { ':path': '/set/', ':authority': 'set.example', 'x-set': 'yes', te: 'trailers' });
  t.notOk('connection' in set);
});

t.test('what is logged of it', async (t) => {
  const { port } = await startH2Origin(t, (stream) => {
    stream.resume();
    stream.respond({ 'x-size': 'x'.repeat(100) });
    stream.end('body');
  });
  const { sluice, port: at } = await serve(
    t,
    `log_format sizes '$upstream_status $upstream_response_length $upstream_bytes_received $upstream_bytes_sent';
     server { listen LISTEN; proxy_http_version 2; access_log sizes.log sizes;
      location / { proxy_pass http://127.0.0.1:${port}; } }`,
  );
  await fetch(`http://127.0.0.1:${at}/`, { method: 'POST', body: 'z'.repeat(1000) });
  const read = (): string => readFileSync(sluice.path('sizes.log'), 'latin1');
  await eventually('the log', () => read() !== '');
  const [status, length, received, sent] = read().split(' ').map(Number);
  t.same([status, length], [200, 4]);
  t.ok(received && received > 104 && received < 300, `${received} bytes received`);
  t.ok(sent && sent > 1000 && sent < 1500, `${sent} bytes sent`);
});

t.test('requests share a connection, up to what the upstream allows', async (t) => {
  for (const [allowed, connections] of [
    [100, 1],
    [10, 4],
  ] as const) {
    const waiting: ServerHttp2Stream[] = [];
    const origin = await startH2Origin(
      t,
      (stream) => {
        waiting.push(stream);
        // the first one tells how many there may be
        if (waiting.length === 1 || waiting.length === 41) for (const each of waiting) each.end('done');
      },
      { settings: { maxConcurrentStreams: allowed } },
    );
    const { body } = await serve(t, proxy(origin.port, '', 'keepalive 8;'));
    t.equal(await body('/'), 'done');
    const answers = await Promise.all(Array.from({ length: 40 }, () => body('/')));
    t.ok(
      answers.every((answer) => answer === 'done'),
      'all are answered',
    );
    t.equal(origin.sessions.length, connections, `with ${allowed} streams a connection`);
  }
});

t.test('requests that come before the connection stands share it too', async (t) => {
  const origin = await startH2Origin(t, (stream) => stream.end('done'));
  const { body } = await serve(t, proxy(origin.port));
  await Promise.all(Array.from({ length: 20 }, () => body('/')));
  t.equal(origin.sessions.length, 1);
});

t.test('without keepalive each request has a connection', async (t) => {
  const origin = await startH2Origin(t, (stream) => stream.end('done'));
  const { body } = await serve(t, proxy(origin.port, '', 'keepalive 0;'));
  await body('/');
  await body('/');
  t.equal(origin.sessions.length, 2);
  await eventually('them to be closed', () => origin.sessions.every(({ closed }) => closed));
});

t.test('keepalive_requests and keepalive_timeout count for shared connections', async (t) => {
  const origin = await startH2Origin(t, (stream) => stream.end('done'));
  const { body } = await serve(
    t,
    proxy(origin.port, '', 'keepalive 4; keepalive_requests 2; keepalive_timeout 100ms;'),
  );
  for (let i = 0; i < 4; i++) await body('/');
  t.equal(origin.sessions.length, 2);
  await body('/');
  await eventually('the idle one to be closed', () => origin.sessions.every(({ closed }) => closed));
});

t.test('bodies of any size go both ways', async (t) => {
  const large = randomBytes(3_000_000);
  const { port } = await startH2Origin(t, async (stream) => {
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece);
    stream.respond({ 'x-digest': digest(Buffer.concat(pieces)) });
    stream.end(large);
  });
  for (const buffering of ['on', 'off']) {
    const { port: at } = await serve(
      t,
      proxy(port, `proxy_buffering ${buffering}; proxy_request_buffering ${buffering};`),
    );
    for (const size of [0, 10, 5000, 2_000_000]) {
      const body = randomBytes(size);
      const answer = await fetch(`http://127.0.0.1:${at}/`, { method: 'POST', body });
      t.equal(answer.headers.get('x-digest'), digest(body), `a request of ${size}, buffering ${buffering}`);
      t.equal(digest(Buffer.from(await answer.arrayBuffer())), digest(large), 'the response');
    }
    const pieces = ['some ', 'pieces ', 'of ', 'a body'];
    const stream = new ReadableStream({
      async pull(controller) {
        const next = pieces.shift();
        if (next === undefined) controller.close();
        else controller.enqueue(Buffer.from(next));
      },
    });
    const options = { method: 'POST', body: stream, duplex: 'half' } as RequestInit;
    const answer = await fetch(`http://127.0.0.1:${at}/`, options);
    t.equal(answer.headers.get('x-digest'), digest(Buffer.from('some pieces of a body')), 'in chunks');
    await answer.arrayBuffer();
  }
  const { port: at } = await serve(t, proxy(port, 'proxy_set_body "made up";'));
  const answer = await fetch(`http://127.0.0.1:${at}/`);
  t.equal(answer.headers.get('x-digest'), digest(Buffer.from('made up')), 'proxy_set_body');
  await answer.arrayBuffer();
});

t.test('a client that stalls holds back only itself', async (t) => {
  const large = Buffer.alloc(20_000_000, 'x');
  const origin = await startH2Origin(
    t,
    (stream, { ':path': path }) => stream.end(path === '/large' ? large : 'small'),
    { maxSessionMemory: 100 },
  );
  const { body, port } = await serve(t, proxy(origin.port, 'proxy_buffering off;'));
  const stalled = new RawClient(port);
  t.teardown(() => stalled.close());
  stalled.socket.pause();
  stalled.send('GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await eventually('it to stall', () => origin.sessions.length === 1);
  for (let i = 0; i < 50; i++) t.equal(await body('/'), 'small');
  t.equal(origin.sessions.length, 1, 'on the same connection');
  stalled.socket.resume();
  const answer = await stalled.end();
  t.ok(answer.length > large.length && answer.endsWith('x\r\n0\r\n\r\n'), 'and it gets all in the end');
});

t.test('heads without bodies', async (t) => {
  const origin = await startH2Origin(t, (stream, { ':path': path }) => {
    const status = Number(path?.slice(1));
    stream.respond(
      { ':status': status, 'content-length': status === 200 ? 5 : undefined },
      { endStream: true },
    );
  });
  const { answer, port } = await serve(t, proxy(origin.port));
  t.match(await answer('/304'), /^HTTP\/1.1 304 /);
  t.match(await answer('/204'), /^HTTP\/1.1 204 /);
  const head = await fetch(`http://127.0.0.1:${port}/200`, { method: 'HEAD' });
  t.equal(head.headers.get('content-length'), '5');
  t.equal(origin.sessions.length, 1);
});

t.test('trailers', async (t) => {
  const { port } = await startH2Origin(t, (stream) => {
    stream.respond({ trailer: 'x-last' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-last': 'word' }));
    stream.end('body');
  });
  const { answer, sluice } = await serve(t, proxy(port, 'proxy_pass_trailers on;'));
  t.match(await answer('/', 'TE: trailers', 'Connection: te, close'), /\r\n0\r\nx-last: word\r\n\r\n$/);
  t.equal(sluice.logged(/\[error\]/), 0);
});

t.test('over TLS by ALPN', async (t) => {
  const authority = makeIdentity('authority', { authority: true });
  const identity = makeIdentity('origin.example', { issuer: authority });
  const protocols: (string | undefined)[] = [];
  const origin = await startH2Origin(
    t,
    (stream) => {
      protocols.push(stream.session?.alpnProtocol);
      stream.end('secured');
    },
    {},
    identity,
  );
  const { body, answer, sluice } = await serve(
    t,
    `upstream group { server 127.0.0.1:${origin.port}; keepalive 4; }
     server { listen LISTEN; proxy_http_version 2; proxy_ssl_verify on; proxy_ssl_trusted_certificate ca;
      location / { proxy_pass https://group; proxy_ssl_name origin.example; }
      location /wrong { proxy_pass https://group; proxy_ssl_name other.example; } }`,
    { ca: authority.certificate },
  );
  const answers = await Promise.all(Array.from({ length: 10 }, () => body('/')));
  t.ok(answers.every((each) => each === 'secured'));
  t.ok(protocols.every((each) => each === 'h2'));
  t.equal(origin.sessions.length, 1);
  t.match(await answer('/wrong'), /^HTTP\/1.1 502/);
  t.equal(sluice.logged(/upstream SSL certificate does not match "other.example" while SSL handshaking/), 1);
});

t.test('a connection that goes away', async (t) => {
  const origin = await startH2Origin(t, (stream) => {
    stream.end('done');
    if (origin.sessions.length < 3) stream.session?.close();
  });
  const { body, sluice } = await serve(t, proxy(origin.port));
  for (let i = 0; i < 5; i++) t.equal(await body('/'), 'done');
  t.equal(origin.sessions.length, 3);
  t.equal(sluice.logged(/\[error\]/), 0);
});

t.test('requests that the upstream has not looked at are sent again, whatever they are', async (t) => {
  let refusals = 0;
  const { port } = await startH2Origin(t, async (stream, { ':path': path }) => {
    if (path === '/always' || (path === '/twice' && ++refusals <= 2)) {
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    let size = 0;
    for await (const piece of stream) size += piece.length;
    stream.end(`got ${size}`);
  });
  const { port: at, sluice } = await serve(t, proxy(port, 'proxy_next_upstream off;'));
  const post = { method: 'POST', body: 'once' };
  const answer = await fetch(`http://127.0.0.1:${at}/twice`, post);
  t.equal(await answer.text(), 'got 4');
  t.equal(sluice.logged(/upstream rejected request with error 7 while reading response header/), 2);
  t.equal((await fetch(`http://127.0.0.1:${at}/always`, post)).status, 502, 'but not for ever');

  // a GOAWAY that leaves out what has come
  const leaving = await startFrames(t, (stream, socket) => {
    if (leaving.connections() === 1) {
      socket.write(frame(TYPE.goaway, 0, 0, Buffer.concat([number(0), number(0)])));
    } else {
      socket.write(frame(TYPE.headers, END_HEADERS | END_STREAM, stream, fields([':status', '204'])));
    }
  });
  const next = await serve(t, proxy(leaving.port));
  t.equal((await fetch(`http://127.0.0.1:${next.port}/`, post)).status, 204);
  t.equal(next.sluice.logged(/upstream sent goaway with error 0 while/), 1);
});

t.test('a client that goes away cancels its stream only', async (t) => {
  const cancelled: number[] = [];
  const origin = await startH2Origin(t, (stream, { ':path': path }) => {
    if (path !== '/silent') stream.end('done');
    stream.on('close', () => {
      if (path === '/silent') cancelled.push(stream.rstCode);
    });
  });
  const { body, port } = await serve(t, proxy(origin.port));
  await body('/');
  const client = new RawClient(port).send('GET /silent HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually('the request', () => origin.sessions.length === 1);
  await body('/');
  client.close();
  await eventually('the reset', () => cancelled.length === 1);
  t.same(cancelled, [constants.NGHTTP2_CANCEL]);
  t.equal(await body('/'), 'done');
  t.equal(origin.sessions.length, 1);
});

t.test('time-outs', async (t) => {
  const { port } = await startH2Origin(t, (stream, { ':path': path }) => {
    if (path === '/half') stream.write('half');
  });
  const { answer, sluice } = await serve(t, proxy(port, 'proxy_read_timeout 200ms;'));
  t.match(await answer('/silent'), /^HTTP\/1.1 504/);
  t.match(await answer('/half'), /half/);
  t.equal(sluice.logged(/upstream timed out \(110: Connection timed out\) while reading response header/), 1);
  t.equal(sluice.logged(/upstream timed out \(110: Connection timed out\) while reading upstream/), 1);
});
