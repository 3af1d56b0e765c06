/** What stands behind a body, both ways and between the versions. */
import { once } from 'node:events';
import { type IncomingHttpHeaders, request as request1 } from 'node:http';
import { connect as connect2, type OutgoingHttpHeaders } from 'node:http2';
import t from 'tap';
import { RawClient } from '../support/raw-client.ts';
import type { Cleanup } from '../support/sluice.ts';
import { ANSWERED, plain, type Seen, startTrailingOrigin } from '../support/trailing-origin.ts';
import { END_HEADERS, END_STREAM, fields, frame, startH2Origin, TYPE } from '../upstream/h2-origin.ts';
import { ERROR, FrameClient, request } from './frame-client.ts';
import { type Http2, startHttp2 } from './http2.ts';

async function startHttp2Origin(t: Cleanup, seen: Seen[]): Promise<number> {
  const { port } = await startH2Origin(t, (stream) => {
    let body = '';
    let trailers: IncomingHttpHeaders = {};
    stream.on('data', (piece) => {
      body += piece;
    });
    stream.on('trailers', (fields) => {
      trailers = plain(fields);
    });
    stream.on('end', () => {
      seen.push({ body, trailers });
      stream.respond({ trailer: 'x-answered' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers(ANSWERED));
      stream.end('answer');
    });
  });
  return port;
}

type Send = (port: number, headers: OutgoingHttpHeaders, body: string, trailers: object) => Promise<Seen>;

const send1: Send = async (port, headers, body, trailers) => {
  const sent = request1({ port, host: '127.0.0.1', method: 'POST', headers, agent: false });
  sent.flushHeaders();
  if (body) sent.write(body);
  sent.addTrailers(trailers as Record<string, string>);
  sent.end();
  const [response] = await once(sent, 'response');
  let answer = '';
  for await (const piece of response) answer += piece;
  return { body: answer, trailers: response.trailers };
};

const send2: Send = async (port, headers, body, trailers) => {
  const session = connect2(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request(
      { ':method': 'POST', ':path': '/', ...headers },
      { endStream: false, waitForTrailers: true },
    );
    stream.on('wantTrailers', () => stream.sendTrailers(trailers as Record<string, string>));
    let seen: IncomingHttpHeaders = {};
    stream.on('trailers', (fields) => {
      seen = plain(fields);
    });
    if (body) stream.write(body);
    stream.end();
    let answer = '';
    for await (const piece of stream) answer += piece;
    return { body: answer, trailers: seen };
  } finally {
    session.destroy();
  }
};

const CLIENTS = [
  ['HTTP/1.1', send1],
  ['HTTP/2', send2],
] as const;
const ORIGINS = [
  ['1.1', startTrailingOrigin],
  ['2', startHttp2Origin],
] as const;

const proxy = (port: number, version: string, lines = ''): string =>
  `location / { proxy_pass http://127.0.0.1:${port}; proxy_http_version ${version}; client_max_body_size 0; ${lines} }`;

const FIELDS = { trailer: 'x-sum, x-more', te: 'trailers' };
const SUMS = { 'x-sum': '42', 'x-more': 'words' };
/** Small enough for memory, too large for it. */
const BODIES = { 'no body': '', 'a body in memory': 'small', 'a body in a file': 'x'.repeat(100_000) };

for (const [client, send] of CLIENTS) {
  for (const [version, startOrigin] of ORIGINS) {
    t.test(`from ${client} to an upstream that speaks ${version}, and back`, async (t) => {
      const seen: Seen[] = [];
      const origin = await startOrigin(t, seen);
      const buffered = await startHttp2(t, proxy(origin, version, 'proxy_pass_trailers on;'));
      const streamed = await startHttp2(
        t,
        proxy(origin, version, 'proxy_pass_trailers on; proxy_request_buffering off; proxy_buffering off;'),
      );
      for (const [what, body] of Object.entries(BODIES)) {
        for (const [how, { port }] of Object.entries({ buffered, streamed })) {
          const answer = await send(port, FIELDS, body, SUMS);
          t.same(answer, { body: 'answer', trailers: ANSWERED }, `${what}, ${how}: the answer`);
          t.same(seen.pop(), { body, trailers: SUMS }, `${what}, ${how}: the request`);
        }
      }
    });
  }

  t.test(
    `${client}: fields that have no place in trailers, or are the configuration's, are dropped`,
    async (t) => {
      const seen: Seen[] = [];
      const origin = await startTrailingOrigin(t, seen);
      const { port } = await startHttp2(
        t,
        proxy(origin, '1.1', 'proxy_pass_trailers on; proxy_set_header X-Real-IP $remote_addr;'),
      );
      await send(port, { trailer: 'x-sum' }, 'body', {
        ...{ 'x-real-ip': '1.2.3.4', authorization: 'Basic x', cookie: 'a=b', 'x-forwarded-for': '1.2.3.4' },
        ...{ x_under: 'score', 'x-sum': '1' },
      });
      t.same(seen, [{ body: 'body', trailers: { 'x-sum': '1' } }]);
    },
  );

  t.test(`${client}: as in nginx, no trailers unless proxy_pass_trailers says so`, async (t) => {
    const seen: Seen[] = [];
    const origin = await startTrailingOrigin(t, seen);
    const { port } = await startHttp2(t, proxy(origin, '1.1'));
    t.same(await send(port, FIELDS, 'body', SUMS), { body: 'answer', trailers: {} });
    t.same(seen, [{ body: 'body', trailers: {} }]);
  });
}

t.test('a length keeps its place: trailers that are not announced are dropped', async (t) => {
  const seen: Seen[] = [];
  const origin = await startTrailingOrigin(t, seen);
  const { port } = await startHttp2(
    t,
    proxy(origin, '1.1', 'proxy_pass_trailers on; proxy_request_buffering off;'),
  );
  // More than one turn brings: a body that is complete with its head is no longer streamed.
  const body = 'x'.repeat(200_000);
  await send2(port, { 'content-length': body.length }, body, SUMS);
  t.same(seen.pop(), { body, trailers: {} });
  await send2(port, { 'content-length': body.length, ...FIELDS }, body, SUMS);
  t.same(seen.pop(), { body, trailers: SUMS });
});

const POST = END_HEADERS;
const trailers = (stream: number, flags: number, ...pairs: [string, string][]): Buffer =>
  frame(TYPE.headers, flags, stream, fields(...pairs));

async function startLimited(t: Cleanup): Promise<Http2> {
  const origin = await startTrailingOrigin(t, []);
  return startHttp2(t, proxy(origin, '1.1', 'proxy_pass_trailers on;'), {
    http: 'max_headers 20; large_client_header_buffers 4 1k;',
  });
}

t.test('HTTP/2: trailers that are malformed are answered with 400, or end the stream', async (t) => {
  const { port, sluice } = await startLimited(t);
  const malformed: [string, string][][] = [
    [[':path', '/']],
    [['connection', 'x']],
    [['te', 'gzip']],
    [['X-Upper', 'case']],
    [['x', 'line\nfeed']],
    [['', 'x']],
    Array.from({ length: 21 }, (_, i): [string, string] => [`x-${i}`, 'x']),
  ];
  const client = new FrameClient(t, port);
  for (const [i, pairs] of malformed.entries()) {
    const stream = 2 * i + 1;
    client.send(request(stream, '/', [], POST), trailers(stream, END_HEADERS | END_STREAM, ...pairs));
    const head = await client.find((each) => each.type === TYPE.headers && each.stream === stream);
    // An index of the static table (RFC 7541 appendix A): `:status: 400`.
    t.equal(head.payload[0], 0x80 | 12, JSON.stringify(pairs[0]));
  }
  t.equal(sluice.logged(/client sent invalid trailer/), malformed.length);

  const last = 2 * malformed.length + 1;
  client.send(request(last, '/', [], POST), trailers(last, END_HEADERS, ['x', 'y']));
  t.equal(await client.reset(last), ERROR.protocol, 'what ends nothing');
  client.send(request(last + 2));
  await client.end(last + 2);
  t.notOk(client.ended, 'the connection goes on');
});

t.test('HTTP/2: trailers that no buffer holds end the connection', async (t) => {
  const { port } = await startLimited(t);
  for (const pairs of [
    [['x', 'x'.repeat(2000)]],
    Array.from({ length: 5 }, (_, i): [string, string] => [`x-${i}`, 'x'.repeat(1000)]),
  ] as [string, string][][]) {
    const client = new FrameClient(t, port);
    client.send(request(1, '/', [], POST), trailers(1, END_HEADERS | END_STREAM, ...pairs));
    t.equal(await client.goaway(), ERROR.calm);
  }
});

t.test('HTTP/1.1: trailers that are malformed, or too many, are answered with 400', async (t) => {
  const { port } = await startLimited(t);
  for (const lines of [
    'X Y: z\r\n',
    'X: \0\r\n',
    ' folded: x\r\n',
    'X: y\r\n'.repeat(21),
    `X: ${'x'.repeat(5000)}\r\n`,
  ]) {
    const client = new RawClient(port);
    t.teardown(() => client.close());
    client.send(`POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${lines}\r\n`);
    t.match(await client.response(), { status: 400 }, JSON.stringify(lines.slice(0, 12)));
  }
});

t.test('gRPC: calls either way, their status behind the messages or alone', async (t) => {
  const { port: origin } = await startH2Origin(t, (stream, headers) => {
    if (headers.te !== 'trailers') stream.close(1);
    if (headers[':path'] === '/missing') {
      stream.respond({ 'content-type': 'application/grpc', 'grpc-status': '12' }, { endStream: true });
      return;
    }
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': 'fine' }));
    stream.on('data', (message) => stream.write(`echo of ${message}`));
    stream.on('end', () => stream.end());
  });
  const { connect } = await startHttp2(
    t,
    proxy(
      origin,
      '2',
      'proxy_pass_trailers on; proxy_request_buffering off; proxy_buffering off; proxy_set_header TE $http_te;',
    ),
  );
  const session = connect();
  const call = (path: string): ReturnType<typeof session.request> =>
    session.request({ ':method': 'POST', ':path': path, te: 'trailers', 'content-type': 'application/grpc' });

  const chat = call('/chat');
  const ended = once(chat, 'trailers');
  for (const message of ['one', 'two', 'three']) {
    chat.write(message);
    const [answer] = await once(chat, 'data');
    t.equal(String(answer), `echo of ${message}`, 'as it comes');
  }
  chat.end();
  t.match((await ended)[0], { 'grpc-status': '0', 'grpc-message': 'fine' });

  const missing = call('/missing').end();
  t.match((await once(missing, 'response'))[0], { ':status': 200, 'grpc-status': '12' });
});
