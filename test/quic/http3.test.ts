// What HTTP/3 has beyond requests and responses, byte by byte.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import t, { type Test } from 'tap';
import { eventually } from '../support/eventually.ts';
import { startOrigin } from '../support/origin.ts';
import { commandLine } from '../support/sluice.ts';
import { FrameType, frame, streamFrame } from './raw/frames.ts';
import {
  controlFrames,
  type Fields,
  greeting,
  H3,
  h3Frame,
  headers,
  parseResponse,
  request,
  Stream,
  settings,
} from './raw/http.ts';
import { RawClient, type RawOptions } from './raw/raw-client.ts';
import { varint } from './raw/varint.ts';
import { startQuic } from './serving.ts';

const NO_ERROR = 0x100;
const INTERNAL_ERROR = 0x102;
const REQUEST_REJECTED = 0x10b;
const CANCELLED = 0x10c;
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

async function connect(t: Test, port: number, options: RawOptions = {}): Promise<RawClient> {
  const client = await RawClient.connect(t, port, options);
  client.send(greeting);
  return client;
}

t.test('WebSocket over HTTP/3 goes to an upstream that speaks HTTP/1.1', async (t) => {
  const origin = await startOrigin(t, ({ socket, head }) => {
    const key = /^sec-websocket-key: (.*)$/im.exec(head)?.[1] ?? '';
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\nhello`,
    );
    socket.removeAllListeners('data').on('data', (data) => void socket.write(`<${data}>`));
    socket.on('end', () => void socket.end());
  });
  const { port } = await startQuic(
    t,
    `server { LISTEN; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $http_connection; location / { proxy_pass http://127.0.0.1:${origin.port}; } }`,
  );
  const client = await connect(t, port);
  const head = request(
    '/chat',
    [
      [':protocol', 'websocket'],
      ['sec-websocket-version', '13'],
    ],
    'CONNECT',
  );
  client.send(streamFrame(0, head));
  const body = (): string => parseResponse(client.received(0).bytes).body.toString();
  await client.until('the upgrade', () => body() === 'hello');
  t.strictSame(parseResponse(client.received(0).bytes).statuses, [200]);
  const data = h3Frame(H3.data, Buffer.from('one'));
  client.send(streamFrame(0, data, { offset: head.length }));
  await client.until('the echo', () => body() === 'hello<one>');
  client.send(streamFrame(0, Buffer.alloc(0), { offset: head.length + data.length, end: true }));
  await client.until('the end', () => client.received(0).ended);
  t.match(origin.heads[0], /^GET \/chat HTTP\/1\.1\r\n/);
  t.match(controlFrames(client)[0], [H3.settings]);
});

t.test('priorities', async (t) => {
  const { port } = await startQuic(t, 'server { LISTEN; root .; }', { 'file.bin': randomBytes(100_000) });
  const urgency = (value: string): Fields => [['priority', value]];
  const order = (client: RawClient): number[] => [
    ...new Set(
      client
        .of(FrameType.stream)
        .flatMap(({ numbers: [id = 0, , end] }) => (end && id % 4 === 0 ? [id] : [])),
    ),
  ];
  const both = (client: RawClient): Promise<void> => client.until('both', () => order(client).length === 2);

  const asked = await connect(t, port);
  asked.send(
    Buffer.concat([
      streamFrame(0, request('/file.bin', urgency('u=7')), { end: true }),
      streamFrame(4, request('/file.bin', urgency('u=0')), { end: true }),
    ]),
  );
  await both(asked);
  t.strictSame(order(asked), [4, 0], 'of the field');

  // Both wait for room; then one is made urgent, and both get it.
  const updated = await connect(t, port, { parameters: new Map([[0x05, 100]]) });
  updated.send(
    Buffer.concat([
      streamFrame(0, request('/file.bin', urgency('u=3')), { end: true }),
      streamFrame(4, request('/file.bin', urgency('u=3')), { end: true }),
    ]),
  );
  await updated.until('their beginnings', () => updated.received(4).bytes.length === 100);
  const update = h3Frame(H3.priorityUpdate, varint(4), Buffer.from('u=1'));
  updated.send(
    Buffer.concat([
      streamFrame(Stream.control, update, { offset: settings.length }),
      frame(FrameType.maxStreamData, 0, 1 << 20),
      frame(FrameType.maxStreamData, 4, 1 << 20),
    ]),
  );
  await both(updated);
  t.strictSame(order(updated), [4, 0], 'of PRIORITY_UPDATE');
});

t.test('103 and trailers of an upstream', async (t) => {
  const origin = await startOrigin(t, ({ socket }) => {
    socket.write('HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n');
    socket.write(
      `${CHUNKED.replace('\r\n\r\n', '\r\nTrailer: x-sum\r\n\r\n')}5\r\nhello\r\n0\r\nX-Sum: 5\r\n\r\n`,
    );
  });
  const { port } = await startQuic(
    t,
    `server { LISTEN; early_hints 1; proxy_http_version 1.1; proxy_pass_trailers on;
location / { proxy_set_header TE trailers; proxy_pass http://127.0.0.1:${origin.port}; } }`,
  );
  const client = await connect(t, port);
  client.send(streamFrame(0, request('/'), { end: true }));
  await client.until('the response', () => client.received(0).ended);
  const { statuses, body } = parseResponse(client.received(0).bytes);
  t.strictSame(statuses, [103, 200, undefined]);
  t.equal(body.toString(), 'hello');
});

t.test('a request that is cancelled is given up upstream', async (t) => {
  let accepted: Socket | undefined;
  const origin = await startOrigin(t, ({ socket, head }) => {
    accepted = socket;
    if (head.startsWith('GET /begun')) socket.write(`${CHUNKED}5\r\nhello\r\n`);
  });
  const { port, sluice } = await startQuic(
    t,
    `server { LISTEN; location / { proxy_http_version 1.1; proxy_buffering off; proxy_request_buffering off;
proxy_pass http://127.0.0.1:${origin.port}; } }`,
  );
  const client = await connect(t, port);
  const reset = (stream: number, size: number): Buffer =>
    frame(FrameType.resetStream, stream, CANCELLED, size);
  const stop = (stream: number): Buffer => frame(FrameType.stopSending, stream, CANCELLED);
  const get = request('/waits');
  const begun = request('/begun');
  const post = Buffer.concat([
    request('/waits', [['content-length', '9']], 'POST'),
    h3Frame(H3.data, Buffer.from('some')),
  ]);
  const cases: readonly (readonly [
    what: string,
    request: Buffer,
    whole: boolean,
    end: (stream: number) => Buffer,
    status: number,
  ])[] = [
    ['STOP_SENDING before the response', get, true, stop, 499],
    ['STOP_SENDING within the response', begun, true, stop, 200],
    [
      'RESET_STREAM and STOP_SENDING within the request',
      post,
      false,
      (id) => Buffer.concat([reset(id, post.length), stop(id)]),
      400,
    ],
    ['STOP_SENDING within request and response', begun, false, stop, 200],
    ['STOP_SENDING within the request', post, false, stop, 499],
    ["STOP_SENDING within the request's head", get.subarray(0, get.length - 1), false, stop, 499],
  ];
  for (const [i, [what, bytes, whole, end, status]] of cases.entries()) {
    const stream = i * 4;
    const before = origin.heads.length;
    client.send(streamFrame(stream, bytes, { end: whole }));
    if (bytes === begun) await client.until(what, () => client.received(stream).bytes.length > 20);
    else if (whole) await eventually(what, () => origin.heads.length > before);
    else await new Promise((resolve) => setTimeout(resolve, 100));
    const socket = origin.heads.length > before ? accepted : undefined;
    const closed = socket && once(socket, 'close');
    client.send(end(stream));
    await client.until('the answer', () =>
      client.of(FrameType.resetStream).some(({ numbers: [id] }) => id === stream),
    );
    await closed;
    await eventually(`its line in the log: ${what}`, () => {
      const lines = readFileSync(sluice.path('access.log'), 'latin1').trim().split('\n');
      return lines.length === i + 1 && lines[i]?.includes(` ${status} h3`);
    });
    t.pass(what);
  }
  t.equal(client.close, undefined, 'the connection goes on');
});

t.test('STOP_SENDING that comes before its request cancels it when it comes', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const { port, sluice } = await startQuic(
    t,
    `server { LISTEN; location / { proxy_pass http://127.0.0.1:${origin.port}; } }`,
  );
  const client = await connect(t, port);
  client.send(frame(FrameType.stopSending, 0, CANCELLED));
  await client.until('the reset', () => client.has(FrameType.resetStream));
  client.send(streamFrame(0, request('/late'), { end: true }));
  await eventually('its line in the log', () =>
    / 499 h3/.test(readFileSync(sluice.path('access.log'), 'latin1')),
  );
  t.pass();
});

t.test('proxy_ignore_client_abort: the upstream is heard out', async (t) => {
  let accepted: Socket | undefined;
  const origin = await startOrigin(t, ({ socket }) => {
    accepted = socket;
  });
  const { port, sluice } = await startQuic(
    t,
    `server { LISTEN; location / { proxy_ignore_client_abort on; proxy_pass http://127.0.0.1:${origin.port}; } }`,
  );
  const client = await connect(t, port);
  client.send(streamFrame(0, request('/'), { end: true }));
  await eventually('the request', () => origin.heads.length === 1);
  client.send(frame(FrameType.stopSending, 0, CANCELLED));
  client.send(frame(FrameType.stopSending, 0, CANCELLED));
  await client.until('the reset', () => client.has(FrameType.resetStream));
  accepted?.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello');
  await eventually('its line in the log', () =>
    / 200 h3/.test(readFileSync(sluice.path('access.log'), 'latin1')),
  );
  t.equal(client.received(0).bytes.length, 0);
  t.equal(client.close, undefined);
});

t.test(
  'a client that leaves with half of a response is logged, and keeps no worker from its end',
  async (t) => {
    const { port, sluice } = await startQuic(t, 'server { LISTEN; root .; }', {
      'file.bin': randomBytes(200_000),
      'small.bin': randomBytes(2000),
    });
    const windows: RawOptions = { parameters: new Map([[0x05, 1000]]) };
    for (const [i, name] of ['file.bin', 'small.bin'].entries()) {
      const client = await connect(t, port, windows);
      client.send(streamFrame(0, request(`/${name}`), { end: true }));
      await client.until('the beginning', () => client.received(0).bytes.length === 1000);
      client.leave();
      await eventually('its line in the log', () => {
        const lines = readFileSync(sluice.path('access.log'), 'latin1').trim().split('\n');
        return lines.length === i + 1 && lines[i]?.includes(' 200 h3');
      });
    }
    t.pass();
  },
);

t.test('a response that its upstream breaks off is reset', async (t) => {
  const origin = await startOrigin(t, ({ socket }) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello`);
    setTimeout(() => socket.destroy(), 100);
  });
  const { port } = await startQuic(
    t,
    `server { LISTEN; location / { proxy_buffering off; proxy_pass http://127.0.0.1:${origin.port}; } }`,
  );
  const client = await connect(t, port);
  client.send(streamFrame(0, request('/'), { end: true }));
  await client.until('the reset', () => client.has(FrameType.resetStream));
  t.equal(client.of(FrameType.resetStream)[0]?.numbers[1], INTERNAL_ERROR);
});

t.test('GOAWAY: what was begun is finished, what comes later is for another connection', async (t) => {
  const { port, sluice } = await startQuic(
    t,
    'server { LISTEN; root .; limit_rate 40k; limit_rate_after 1k; }',
    {
      'file.bin': randomBytes(200_000),
    },
  );
  const [busy, idle] = await Promise.all([connect(t, port), connect(t, port)]);
  idle.send(streamFrame(0, request('/missing'), { end: true }));
  await idle.until('an answer', () => idle.received(0).ended);
  busy.send(streamFrame(0, request('/file.bin'), { end: true }));
  await busy.until('the beginning', () => busy.received(0).bytes.length > 1000);
  sluice.signal('SIGHUP');
  t.strictSame(await idle.closed(), { by: 'application', code: NO_ERROR }, 'an idle one ends as it should');
  t.strictSame(controlFrames(idle).at(-1), [H3.goaway, 4]);
  await busy.until('GOAWAY', () => controlFrames(busy).some(([type]) => type === H3.goaway));
  t.strictSame(controlFrames(busy).at(-1), [H3.goaway, 4]);
  busy.send(streamFrame(4, request('/file.bin'), { end: true }));
  await busy.until('a refusal', () => busy.has(FrameType.resetStream));
  t.strictSame(busy.of(FrameType.resetStream)[0]?.numbers.slice(0, 2), [4, REQUEST_REJECTED]);
  await busy.until('the rest', () => busy.received(0).ended, 20_000);
  t.equal(parseResponse(busy.received(0).bytes).body.length, 200_000);
  t.strictSame(await busy.closed(), { by: 'application', code: NO_ERROR });
});

t.test('who may still ask is answered by a worker that shuts down', async (t) => {
  const serving = await startQuic(
    t,
    'server { LISTEN; keepalive_min_timeout 30s; lingering_timeout 30s; return 200; }',
  );
  const { port, sluice } = serving;
  const [reserved, fresh] = await Promise.all([connect(t, port), connect(t, port)]);
  const ask = async (client: RawClient, stream: number): Promise<void> => {
    client.send(streamFrame(stream, request('/'), { end: true }));
    await client.until('an answer', () => client.received(stream).ended);
  };
  await ask(reserved, 0);
  const before = sluice.workers();
  sluice.signal('SIGHUP');
  await eventually('new workers', () => sluice.workers().length > before.length);
  await eventually('the old ones to shut down', () =>
    before.every((pid) => / is shutting down$/.test(commandLine(pid))),
  );
  for (const [client, stream] of [
    [reserved, 4],
    [fresh, 0],
  ] as const) {
    await ask(client, stream);
    t.strictSame(await client.closed(), { by: 'application', code: NO_ERROR });
    t.strictSame(controlFrames(client).at(-1), [H3.goaway, stream + 4]);
  }
  await eventually('the old workers to go', () => sluice.workers().length === 1);

  const brief = await startQuic(t, 'server { LISTEN; keepalive_min_timeout 200ms; return 200; }');
  const client = await connect(t, brief.port);
  await ask(client, 0);
  brief.sluice.signal('SIGHUP');
  t.strictSame(await client.closed(), { by: 'application', code: NO_ERROR }, 'its time is over');
  t.strictSame(controlFrames(client).at(-1), [H3.goaway, 4]);
});

t.test(
  'a request is stopped when its answer needs no more of it, and its mere end is waited for',
  async (t) => {
    const { port } = await startQuic(t, 'server { LISTEN; return 200; }');
    const client = await connect(t, port);
    const stopped = (stream: number): boolean =>
      client.of(FrameType.stopSending).some(({ numbers: [id] }) => id === stream);
    client.send(streamFrame(0, request('/', [['content-length', '9']], 'POST')));
    await client.until('STOP_SENDING', () => stopped(0));
    client.acknowledges = false;
    client.send(streamFrame(4, request('/')));
    await client.until('the answer', () => client.received(4).ended);
    t.notOk(stopped(4));
    // what is not acknowledged comes again
    client.acknowledges = true;
    await client.until('STOP_SENDING', () => stopped(4));
  },
);

t.test('keepalive_requests ends a connection with GOAWAY', async (t) => {
  const { port } = await startQuic(t, 'server { LISTEN; keepalive_requests 2; return 200; }');
  const client = await connect(t, port);
  for (const stream of [0, 4]) client.send(streamFrame(stream, request('/'), { end: true }));
  t.strictSame(await client.closed(), { by: 'application', code: NO_ERROR });
  t.ok(client.received(4).ended);
  t.strictSame(controlFrames(client).at(-1), [H3.goaway, 8]);
});

t.test('HTTP/0.9 for interoperability tests', async (t) => {
  const { port } = await startQuic(
    t,
    'http3 off; http3_hq on; server { LISTEN; return 200 "$request_method $uri $http3"; }',
  );
  const client = await RawClient.connect(t, port, { protocol: 'hq-interop' });
  client.send(streamFrame(0, Buffer.from('GET /some/file\r\n'), { end: true }));
  await client.until('the response', () => client.received(0).ended);
  t.equal(client.received(0).bytes.toString(), 'GET /some/file hq');
  const other = await RawClient.open(t, port, { protocol: 'h3' });
  other.start();
  t.strictSame(await other.closed(), { by: 'transport', code: 0x100 + 120 }, 'no_application_protocol');
});

t.test('fields in pieces, and frames that mean nothing', async (t) => {
  const { port } = await startQuic(t, 'server { LISTEN; return 200 $http_x_long; }');
  const client = await connect(t, port);
  const grease = h3Frame(0x21, randomBytes(10));
  const bytes = Buffer.concat([
    grease,
    headers([
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'a'],
      [':path', '/'],
      ['x-long', 'y'.repeat(2000)],
    ]),
    grease,
    h3Frame(H3.data),
    grease,
  ]);
  // the last one first; no more of them than a socket takes at once
  const size = 21;
  for (let at = bytes.length - (bytes.length % size); at >= 0; at -= size)
    client.send(streamFrame(0, bytes.subarray(at, at + size), { offset: at, end: at + size > bytes.length }));
  await client.until('the response', () => client.received(0).ended);
  t.equal(parseResponse(client.received(0).bytes).body.toString(), 'y'.repeat(2000));
});
