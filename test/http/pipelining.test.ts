/** Many requests on one connection, in whatever pieces they come; and the forms that few clients use. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { respondWith, startOrigin } from '../support/origin.ts';
import { type Proxying, proxyTo } from './proxying.ts';

const COUNT = 100;

/** User and system time: proc(5), in the usual ticks of 10 ms. */
function processorMs(pid: number): number {
  const [, ...fields] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ');
  const [user, system] = fields.join(') ').split(' ').slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}

const origin = await startOrigin(t, (request) => {
  // A POST's body comes with its head, for it was read in whole before.
  const [method, path] = request.head.split(' ');
  if (method === 'HEAD') request.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n');
  else respondWith(`${path}=${request.rest}`)(request);
});
const proxy: Proxying = await proxyTo(t, [origin], {
  http: 'keepalive_requests 100000000;',
  upstream: 'keepalive 2;',
  server: `location /local { return 200 $uri; }
    location /unbuffered { proxy_request_buffering off; proxy_pass http://origins; }`,
});
const { client } = proxy;

type Ask = { request: string; body: string };
const asks: Record<string, (i: number) => Ask> = {
  'GETs to an origin': (i) => ({ request: `GET /${i} HTTP/1.1\r\nHost: a\r\n\r\n`, body: `/${i}=` }),
  'GETs answered here': (i) => ({
    request: `GET /local/${i} HTTP/1.1\r\nHost: a\r\n\r\n`,
    body: `/local/${i}`,
  }),
  'POSTs with a length': (i) => ({
    request: `POST /${i} HTTP/1.1\r\nHost: a\r\nContent-Length: ${`${i}`.length}\r\n\r\n${i}`,
    body: `/${i}=${i}`,
  }),
  'POSTs in chunks': (i) => ({
    request: `POST /${i} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n${`${i}`.length}\r\n${i}\r\n0\r\n\r\n`,
    body: `/${i}=x${i}`,
  }),
  'POSTs with a body that nobody wants': (i) => ({
    request: `POST /local/${i} HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r`,
    body: `/local/${i}`,
  }),
};
asks['all of them in turn'] = (i) => {
  const makers = Object.values(asks);
  return makers[i % (makers.length - 1)]!(i);
};

for (const [name, make] of Object.entries(asks)) {
  for (const pieces of ['in one piece', 'octet by octet']) {
    t.test(`${COUNT} ${name}, ${pieces}`, async (t) => {
      const all = Array.from({ length: COUNT }, (_, i) => make(i));
      const bytes = all.map(({ request }) => request).join('');
      const made = client();
      if (pieces === 'in one piece') made.send(bytes);
      else
        for (let i = 0; i < bytes.length; i++) {
          made.send(bytes[i]!);
          if (i % 16 === 0) await new Promise(setImmediate);
        }
      const bodies: string[] = [];
      for (let i = 0; i < COUNT; i++) bodies.push((await made.response()).body);
      t.same(
        bodies,
        all.map(({ body }) => body),
      );
      t.equal(made.received, '');
    });
  }
}

t.test('an error in the middle ends it: what comes after is not looked at', async (t) => {
  for (const bad of [
    'GET /bad HTTP/9.1\r\nHost: a\r\n\r\n',
    'POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n',
  ]) {
    const before = origin.heads.length;
    const made = client().send(`GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${bad}GET /2 HTTP/1.1\r\nHost: a\r\n\r\n`);
    t.equal((await made.response()).body, '/1=');
    const { status, headers } = await made.response();
    t.ok(status === 400 || status === 505);
    t.same(headers.get('connection'), ['close']);
    t.equal(await made.end(), '');
    t.equal(origin.heads.length, before + 1);
  }
});

t.test('Connection: close in the middle', async (t) => {
  const made = client().send(
    'GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
  );
  t.equal((await made.response()).body, '/1=');
  t.equal(await made.end(), '');
});

t.test('a client that sends ahead without end, and reads nothing, has to wait', async (t) => {
  const made = client();
  made.socket.pause();
  const flood = 'GET /local HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(10_000);
  for (let i = 0; i < 200; i++) made.socket.write(flood);
  await new Promise((resolve) => setTimeout(resolve, 300));
  t.ok(made.socket.writableLength > 0, 'its socket is full');
});

t.test('HTTP/1.0 and what it keeps', async (t) => {
  const kept = client().send('GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  const first = await kept.response();
  t.match(first.headers.get('connection'), ['keep-alive']);
  t.equal((await kept.send('GET /2 HTTP/1.0\r\n\r\n').response()).body, '/2=');
  t.equal(await kept.end(), '');
  t.equal(await client().send('GET /local/09\r\n').end(), '/local/09', 'HTTP/0.9 has a body only');
});

t.test('forms of the target', async (t) => {
  const absolute = client().send('GET http://b/abs?x HTTP/1.1\r\nHost: a\r\n\r\n');
  t.equal((await absolute.response()).body, '/abs?x=');
  const { client: refused } = proxy;
  t.equal((await refused().send('CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n').response()).status, 405);
  t.equal((await refused().send('TRACE / HTTP/1.1\r\nHost: a\r\n\r\n').response()).status, 405);
});

t.test('HEAD: no body from here or there, and the next request is understood', async (t) => {
  const made = client().send(
    'HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /local HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
  );
  t.same((await made.response({ head: true })).headers.get('content-length'), ['3']);
  t.same((await made.response({ head: true })).headers.get('content-length'), ['6']);
  t.equal((await made.response()).body, '/2=');
});

t.test('Expect: 100-continue', async (t) => {
  const ask = 'POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n';
  const made = client().send(ask);
  t.equal((await made.response()).status, 100);
  t.equal((await made.send('ab').response()).body, '/1=ab');
  const streamed = client().send(ask.replace('/1', '/unbuffered'));
  t.equal((await streamed.response()).status, 100);
  t.equal((await streamed.send('ab').response()).status, 200);
  const unwanted = client().send(ask.replace('/1', '/local'));
  t.equal((await unwanted.response()).status, 100, 'what is dropped has to come, too');
  t.equal((await unwanted.send('ab').response()).status, 200);
});

t.test('10,000 header lines; one that is huge; one that trickles', async (t) => {
  const lines = (count: number): string => Array.from({ length: count }, (_, i) => `X-${i}: y\r\n`).join('');
  const many = client().send(`GET / HTTP/1.1\r\nHost: a\r\n${lines(10_000)}\r\n`);
  t.equal((await many.response()).status, 400, 'nothing is said of lines: it is the size that is too large');
  const huge = client().send(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(1_000_000)}\r\n\r\n`);
  t.equal((await huge.response()).status, 400);
  const target = client().send(`GET /${'y'.repeat(1_000_000)} HTTP/1.1\r\nHost: a\r\n\r\n`);
  t.equal((await target.response()).status, 414);
  const allowed = (
    await proxyTo(t, [origin], { server: 'large_client_header_buffers 40 8k; max_headers 10001;' })
  ).client;
  t.equal(
    (
      await allowed()
        .send(`GET / HTTP/1.1\r\nHost: a\r\n${lines(10_000)}\r\n`)
        .response()
    ).status,
    200,
  );
  const refused = allowed().send(`GET / HTTP/1.1\r\nHost: a\r\n${lines(10_001)}\r\n`);
  t.equal((await refused.response()).status, 400, 'max_headers');
  t.equal(origin.heads.at(-1)?.match(/^X-\d+: y$/gm)?.length, 10_000, 'all of them are passed on');
});

t.test('a head that comes octet by octet costs as much at its end as at its beginning', async (t) => {
  const part = 15_000;
  const { client, sluice } = await proxyTo(t, [origin], { server: 'large_client_header_buffers 4 64k;' });
  const [worker] = sluice.workers();
  const made = client().send('GET /slow HTTP/1.1\r\nHost: a\r\nX: ');
  const costs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const before = processorMs(worker!);
    for (let i = 0; i < part; i++) {
      made.send('y');
      if (i % 8 === 0) await new Promise(setImmediate);
    }
    costs.push(processorMs(worker!) - before);
  }
  t.equal((await made.send('\r\n\r\n').response()).status, 200);
  t.ok(costs[2]! < 3 * costs[0]! + 100, `${costs.join(', ')} ms`);
});
