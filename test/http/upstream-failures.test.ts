/** Upstreams that die, are silent, speak too early or too much: what the client gets, and who is asked next. */
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { type OriginRequest, respondWith, startOrigin } from '../support/origin.ts';
import { proxyTo } from './proxying.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const post = (body: string, method = 'POST'): string =>
  `${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const says =
  (bytes: string) =>
  ({ socket }: OriginRequest): void => {
    socket.end(bytes, 'latin1');
  };

t.test('an upstream that dies in its response', async (t) => {
  const broken: Record<string, string> = {
    'with a length': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf',
    'in a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nhalf',
    'between chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n',
    'before the last empty line': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n',
    'with a chunk that is none': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n',
  };
  const names = Object.keys(broken);
  const origin = await startOrigin(t, (request) => {
    const name = names[Number(/\/(\d)/.exec(request.head)?.[1])]!;
    says(broken[name]!)(request);
  });
  for (const buffering of ['on', 'off']) {
    const { client, sluice } = await proxyTo(t, [origin], { location: `proxy_buffering ${buffering};` });
    for (const [i, name] of names.entries()) {
      const answer = await client().send(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`).end();
      t.match(answer, /^HTTP\/1\.1 200 OK\r\n/, `${name}: the head was passed on`);
      t.match(answer, /half/, `${name}: so is what has come`);
      t.notMatch(answer, /\r\n0\r\n/, `${name}: nothing says that this is all`);
    }
    t.equal(sluice.logged(/upstream prematurely closed connection while reading upstream/), 4);
    t.equal(sluice.logged(/upstream sent invalid chunked response while reading upstream/), 1);
  }
});

t.test('an upstream that dies, or talks nonsense, in its head', async (t) => {
  const heads: Record<string, [answer: string, logged: RegExp]> = {
    'before it': ['', /upstream prematurely closed connection/],
    'in the status line': ['HTTP/1.1 20', /upstream prematurely closed connection/],
    'in a field': ['HTTP/1.1 200 OK\r\nX-Half: he', /upstream prematurely closed connection/],
    'after a 100': ['HTTP/1.1 100 Continue\r\n\r\n', /upstream prematurely closed connection/],
    'a line that is no field': ['HTTP/1.1 200 OK\r\nX y\r\n\r\n', /upstream sent invalid header/],
    'a folded field': ['HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n', /upstream sent invalid header/],
    'a NUL': ['HTTP/1.1 200 OK\r\nX: \0\r\n\r\n', /upstream sent invalid header/],
    'two lengths': ['HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', /upstream sent/],
    'a length and a coding': [
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      /upstream sent/,
    ],
    'an unknown coding': ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n', /upstream sent unknown/],
    'a head that is too big': [
      `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`,
      /upstream sent too big header/,
    ],
  };
  const names = Object.keys(heads);
  const origin = await startOrigin(t, (request) => {
    says(heads[names[Number(/\/(\d+)/.exec(request.head)?.[1])]!]![0])(request);
  });
  const { client, sluice } = await proxyTo(t, [origin]);
  for (const [i, name] of names.entries()) {
    const before = sluice.errorLog().length;
    const answer = await client().send(`GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`).response();
    t.equal(answer.status, 502, name);
    t.match(sluice.errorLog().slice(before), heads[name]![1], name);
  }
  const made = client().send('GET /0 HTTP/1.1\r\nHost: a\r\n\r\n');
  await made.response();
  t.equal(
    (await made.send('GET /0 HTTP/1.1\r\nHost: a\r\n\r\n').response()).status,
    502,
    'the client’s connection stays',
  );
});

t.test('an upstream that resets the connection', async (t) => {
  const origin = await startOrigin(t, ({ socket, head }) => {
    if (head.includes('/body')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    setTimeout(() => socket.resetAndDestroy(), 50);
  });
  const { client, sluice } = await proxyTo(t, [origin]);
  t.equal((await client().send(GET).response()).status, 502);
  t.match(
    await client().send('GET /body HTTP/1.1\r\nHost: a\r\n\r\n').end(),
    /^HTTP\/1\.1 200 (.*\r\n)*half$/,
  );
  t.match(sluice.errorLog(), /recv\(\) failed \(104: .*\) while reading response header from upstream/);
  t.match(sluice.errorLog(), /readv?\(\) failed \(104: .*\) while reading upstream/);
});

t.test('an upstream that never answers, or stops in the middle, costs proxy_read_timeout', async (t) => {
  const origin = await startOrigin(t, ({ socket, head }) => {
    if (head.includes('/half')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
  });
  const { client, sluice } = await proxyTo(t, [origin], { location: 'proxy_read_timeout 300ms;' });
  const started = Date.now();
  t.equal((await client().send(GET).response()).status, 504);
  t.match(
    await client().send('GET /half HTTP/1.1\r\nHost: a\r\n\r\n').end(),
    /^HTTP\/1\.1 200 (.*\r\n)*half$/,
  );
  t.ok(Date.now() - started >= 500);
  t.match(sluice.errorLog(), /upstream timed out \(110: .*\) while reading response header from upstream/);
  t.match(sluice.errorLog(), /upstream timed out \(110: .*\) while reading upstream/);
});

t.test('an upstream that does not read costs proxy_send_timeout', async (t) => {
  const origin = await startOrigin(t, ({ socket }) => socket.pause());
  const { client } = await proxyTo(t, [origin], {
    server: 'client_max_body_size 0; client_body_buffer_size 32m;',
    location: 'proxy_send_timeout 300ms;',
  });
  t.equal(
    (
      await client()
        .send(post('x'.repeat(16_000_000)))
        .response()
    ).status,
    504,
  );
});

t.test('an answer before the request’s body is complete', async (t) => {
  const origin = await startOrigin(t, respondWith('early', ['Connection: close'], '413 Too Large'));
  for (const buffering of ['on', 'off']) {
    const { client } = await proxyTo(t, [origin], {
      server: 'client_max_body_size 0; lingering_timeout 1s;',
      location: `proxy_request_buffering ${buffering};`,
    });
    const made = client().send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n');
    made.send('x'.repeat(buffering === 'on' ? 3_000_000 : 500_000));
    const { status, body } = await made.response();
    t.same([status, body], [413, 'early'], `proxy_request_buffering ${buffering}`);
    if (buffering === 'off') made.send('x'.repeat(2_500_000));
    t.same((await made.send(post('y')).response()).status, 413, 'the next request is understood');
  }
});

t.test('two answers to one request: the second is nobody’s', async (t) => {
  const answer = (text: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  const origin = await startOrigin(t, ({ socket, head, number }) => {
    socket.write(answer(`${number}`) + (head.includes('/two') ? answer('poison') : ''));
    if (head.includes('/later')) setTimeout(() => socket.write(answer('poison')), 50);
  });
  const { client, exchange, sluice } = await proxyTo(t, [origin]);
  for (const path of ['/two', '/', '/later']) {
    const { body } = await exchange(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    t.equal(body, `${origin.heads.length}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 150));
  t.equal((await exchange(GET)).body, '4', 'a connection that has spoken unasked is not used again');
  t.match(sluice.errorLog(), /upstream sent more data than specified in "Content-Length" header/);
  t.equal(
    (await client().send('HEAD /two HTTP/1.1\r\nHost: a\r\n\r\n').response({ head: true })).status,
    200,
  );
  t.equal((await exchange(GET)).body, '6');
});

t.test('a kept connection that has gone stale', async (t) => {
  const states = { stale: false };
  const origin = await startOrigin(t, (request) => {
    // The connection dies at the very moment at which a second request has come by it.
    const socket = request.socket as typeof request.socket & { used?: boolean };
    if (socket.used && states.stale) socket.destroy();
    else respondWith(`${request.number}`)(request);
    socket.used = true;
  });
  const { exchange, sluice } = await proxyTo(t, [origin], { upstream: 'keepalive 4;' });
  t.equal((await exchange(GET)).body, '1');
  states.stale = true;
  t.equal((await exchange(GET)).body, '3', 'asked again by a new connection, though there is one peer only');
  t.equal((await exchange(post('x'))).status, 502, 'a POST may have been carried out');
  t.equal(origin.heads.length, 4, 'it was sent once');
  t.equal((await exchange(post('x', 'PUT'))).status, 200, 'what is idempotent is tried again');
  t.equal(sluice.logged(/temporarily disabled/), 0);
});

t.test('proxy_next_upstream', async (t) => {
  const good = await startOrigin(t, respondWith('good'));
  const dead = await freePort();
  const half = await startOrigin(t, says('HTTP/1.1 200 OK\r\nX-'));
  const busy = await startOrigin(t, respondWith('busy', [], '503 Busy'));
  const silent = await startOrigin(t, () => undefined);
  const junk = await startOrigin(t, says('HTTP/1.1 200 OK\r\nx y\r\n\r\n'));
  const cases: [name: string, first: number, rules: string, request: string, status: number][] = [
    ['a refused connection', dead, '', GET, 200],
    ['a refused connection takes no body', dead, '', post('x'), 200],
    ['a head that breaks off', half.port, '', GET, 200],
    ['a head that breaks off, for a POST', half.port, '', post('x'), 502],
    ['… if allowed', half.port, 'proxy_next_upstream error non_idempotent;', post('x'), 200],
    ['a time-out', silent.port, '', GET, 200],
    ['a time-out that is not listed', silent.port, 'proxy_next_upstream error;', GET, 504],
    ['junk', junk.port, '', GET, 502],
    ['junk, listed', junk.port, 'proxy_next_upstream invalid_header;', GET, 200],
    ['a 503', busy.port, '', GET, 503],
    ['a 503, listed', busy.port, 'proxy_next_upstream http_503;', GET, 200],
    ['a 503, listed, for a POST', busy.port, 'proxy_next_upstream http_503;', post('x'), 503],
    ['off', dead, 'proxy_next_upstream off;', GET, 502],
    ['one try', dead, 'proxy_next_upstream_tries 1;', GET, 502],
  ];
  const upstreams = cases.map(
    ([, first], i) => `upstream u${i} { server 127.0.0.1:${first}; server 127.0.0.1:${good.port}; }`,
  );
  const locations = cases.map(([, , rules], i) => `location = /${i} { ${rules} proxy_pass http://u${i}; }`);
  const { exchange } = await proxyTo(t, [good], {
    http: `proxy_read_timeout 300ms; ${upstreams.join('\n')}`,
    server: locations.join('\n'),
  });
  for (const [i, [name, , , request, status]] of cases.entries())
    t.equal((await exchange(request.replace(' / ', ` /${i} `))).status, status, name);
});

t.test('all peers fail: they are left alone for fail_timeout, then tried again', async (t) => {
  const [one, two] = [await freePort(), await freePort()];
  const { exchange, sluice } = await proxyTo(t, [one, two], { peer: 'fail_timeout=1s' });
  t.equal((await exchange(GET)).status, 502);
  t.equal(sluice.logged(/connect\(\) failed \(111: .*\) while connecting to upstream/), 2);
  t.equal((await exchange(GET)).status, 502);
  t.equal(sluice.logged(/no live upstreams while connecting to upstream/), 1);
  await eventually('the peers to be tried again', async () => {
    await exchange(GET);
    return sluice.logged(/connect\(\) failed/) > 2;
  });
});

t.test('a client that goes away takes the upstream’s request with it', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const { client, sluice } = await proxyTo(t, [origin]);
  const made = client().send(GET);
  await eventually('the request', () => origin.heads.length === 1);
  made.close();
  await eventually('the end of the upstream’s connection', async () => {
    const count = await new Promise((resolve) => origin.server.getConnections((_, n) => resolve(n)));
    return count === 0;
  });
  t.match(sluice.errorLog(), /client prematurely closed connection, so upstream connection is closed too/);
});
