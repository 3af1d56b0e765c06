/** What keeps a server busy: each is bounded, ended with ENHANCE_YOUR_CALM, and counted. */
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { startOrigin } from '../support/origin.ts';
import { END_HEADERS, fields, frame, number, TYPE } from '../upstream/h2-origin.ts';
import { ERROR, FrameClient, PRIORITY_UPDATE, request } from './frame-client.ts';
import { ask, type Http2, startHttp2 } from './http2.ts';

const NOTHING = Buffer.alloc(0);
const repeat = (count: number, make: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));

/** All that was sent before has been looked at. */
async function pong(client: FrameClient): Promise<void> {
  const pongs = (): number => client.frames.filter(({ type }) => type === TYPE.ping).length;
  const before = pongs();
  client.send(frame(TYPE.ping, 0, 0, Buffer.alloc(8)));
  await client.find(() => pongs() > before);
}

const floods: Record<string, (open: number) => Buffer> = {
  PING: () => repeat(5000, () => frame(TYPE.ping, 0, 0, Buffer.alloc(8))),
  'acknowledged PING': () => repeat(5000, () => frame(TYPE.ping, 1, 0, Buffer.alloc(8))),
  SETTINGS: () => repeat(5000, () => frame(TYPE.settings, 0, 0)),
  'PRIORITY of streams that nobody opens': () =>
    repeat(5000, (i) => frame(2, 0, 2 * i + 1, Buffer.from([0, 0, 0, 0, 16]))),
  PRIORITY_UPDATE: () =>
    repeat(5000, (i) =>
      frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([number(2 * i + 101), Buffer.from('u=0')])),
    ),
  'unknown frames': () => repeat(5000, () => frame(0xee, 0, 0, Buffer.from('what?'))),
  'empty DATA': (open) => repeat(5000, () => frame(TYPE.data, 0, open)),
  'DATA of padding alone': (open) => repeat(200_000, () => frame(TYPE.data, 8, open, Buffer.from([0]))),
  'tiny WINDOW_UPDATE': () => repeat(5000, () => frame(TYPE.window, 0, 0, number(1))),
  CONTINUATION: (open) =>
    Buffer.concat([
      frame(TYPE.headers, 0, open + 2, fields([':method', 'GET'])),
      repeat(5000, () => frame(TYPE.continuation, 0, open + 2, fields(['x', 'y']))),
    ]),
  'empty CONTINUATION': (open) =>
    Buffer.concat([
      frame(TYPE.headers, 0, open + 2, fields([':method', 'GET'])),
      repeat(5000, () => frame(TYPE.continuation, 0, open + 2)),
    ]),
  'SETTINGS of many entries': () =>
    frame(
      TYPE.settings,
      0,
      0,
      repeat(2000, () => Buffer.from([0, 4, 0, 0, 255, 255])),
    ),
  // One long field goes into the table, and out of it again a thousand times: a byte each.
  'an HPACK bomb': (open) =>
    frame(
      TYPE.headers,
      END_HEADERS | 1,
      open + 2,
      Buffer.concat([
        Buffer.from([0x40, 1, 0x78, 127, 0xa1, 0x1e]),
        Buffer.alloc(4000, 'b'),
        Buffer.alloc(1000, 0xbe),
      ]),
    ),
  'rapid reset': (open) =>
    repeat(2000, (i) =>
      Buffer.concat([request(open + 2 + 2 * i), frame(TYPE.reset, 0, open + 2 + 2 * i, number(8))]),
    ),
  // Trailers that don't end the request.
  'resets that the server is made to send': (open) =>
    repeat(2000, (i) => {
      const stream = open + 2 + 2 * i;
      const trailers = frame(TYPE.headers, END_HEADERS, stream, fields(['x', 'y']));
      return Buffer.concat([request(stream, '/', [], END_HEADERS), trailers]);
    }),
  'streams beyond what was allowed': (open) => repeat(2000, (i) => request(open + 2 + 2 * i)),
};

t.test('floods', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const http2 = await startHttp2(
    t,
    `location / { proxy_pass http://127.0.0.1:${origin.port}; } location /status { sluice_status json; }`,
  );
  for (const [name, flood] of Object.entries(floods)) {
    const before = await floodsCounted(http2);
    const client = new FrameClient(t, http2.port);
    client.send(request(1, '/', [], END_HEADERS));
    client.send(flood(1));
    t.equal(await client.goaway(), ERROR.calm, name);
    client.socket.end();
    await client.closed();
    t.equal(await floodsCounted(http2), before + 1, `${name} is counted`);
  }
  await eventually('nothing to be left', async () => {
    const { connections } = await status(http2);
    return connections.active === 1 && connections.writing === 1;
  });
});

t.test('a busy client is no flood', async (t) => {
  const { connect, port } = await startHttp2(t, 'keepalive_requests 10000; return 200 hello;');
  const session = connect();
  const ping = (): Promise<void> =>
    new Promise((resolve, reject) => {
      session.ping((error) => (error ? reject(error) : resolve()));
    });
  for (let i = 0; i < 60; i++) {
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(session, { ':path': '/' })));
    t.ok(answers.every(({ status }) => status === 200));
    for (let j = 0; j < 20; j++) await ping();
  }
  // A window that opens a byte at a time is slow, but allowed, within reason.
  const client = new FrameClient(t, port, Buffer.from([0, 4, 0, 0, 0, 0]));
  client.send(request(1), ...Array.from({ length: 5 }, () => frame(TYPE.window, 0, 1, number(1))));
  await client.end(1);
  const data = client.frames.filter(({ type }) => type === TYPE.data);
  t.equal(Buffer.concat(data.map(({ payload }) => payload)).toString(), 'hello');
});

t.test('limits may be set', async (t) => {
  const { port } = await startHttp2(t, 'http2_max_control_frames 10; http2_max_resets 2; return 200 hello;');
  const client = new FrameClient(t, port);
  client.send(repeat(20, () => frame(TYPE.ping, 0, 0, Buffer.alloc(8))));
  t.equal(await client.goaway(), ERROR.calm);
});

t.test('a stalled window costs its stream after send_timeout, and only it', async (t) => {
  const { port } = await startHttp2(t, 'send_timeout 300ms; return 200 hello;');
  const client = new FrameClient(t, port, Buffer.from([0, 4, 0, 0, 0, 0]));
  client.send(request(1));
  t.equal(await client.reset(1), ERROR.protocol);
  client.send(request(3), frame(TYPE.window, 0, 3, number(100)));
  await client.end(3);
  t.notOk(client.frames.some(({ type }) => type === TYPE.goaway));
});

const broken: Record<string, [bytes: Buffer, error: number]> = {
  'a window that overflows': [
    Buffer.concat([
      frame(TYPE.window, 0, 0, number(0x7fffffff)),
      frame(TYPE.window, 0, 0, number(0x7fffffff)),
    ]),
    ERROR.flow,
  ],
  'HPACK that refers to nothing': [
    frame(TYPE.headers, 5, 1, Buffer.from([0xff, 0xff, 0x7f])),
    ERROR.compression,
  ],
  'an even stream': [request(2), ERROR.protocol],
  'a stream that was passed over': [Buffer.concat([request(3), request(1)]), ERROR.protocol],
  'a stream that has no answer yet': [Buffer.concat([request(1), request(1)]), ERROR.closed],
  'PRIORITY of no stream': [frame(2, 0, 0, Buffer.from([0, 0, 0, 1, 16])), ERROR.protocol],
  'DATA of no stream': [frame(TYPE.data, 0, 0, Buffer.from('x')), ERROR.protocol],
  'a push': [frame(TYPE.push, 4, 1, number(2)), ERROR.protocol],
  'PRIORITY_UPDATE on a stream': [frame(PRIORITY_UPDATE, 0, 1, number(1)), ERROR.protocol],
  'CONTINUATION of nothing': [frame(TYPE.continuation, 4, 1, NOTHING), ERROR.protocol],
};

t.test('what breaks the connection', async (t) => {
  const { port } = await startHttp2(t, 'return 200;');
  for (const [name, [bytes, error]] of Object.entries(broken)) {
    const client = new FrameClient(t, port);
    client.send(bytes);
    t.equal(await client.goaway(), error, name);
  }
  const again = new FrameClient(t, port);
  again.send(request(1));
  await again.end(1);
  again.send(request(1));
  t.equal(await again.goaway(), ERROR.protocol, 'a stream that has been');

  const client = new FrameClient(t, port);
  client.socket.write('GET / HTTP/1.1\r\n\r\n');
  await client.goaway();
});

const refused: Record<string, [string, string][]> = {
  'an upper case name': [['X-Name', 'x']],
  'a line feed in a value': [['x', 'a\nb']],
  'a name with a space': [['a b', 'x']],
  Connection: [['connection', 'close']],
  'Transfer-Encoding': [['transfer-encoding', 'chunked']],
  Upgrade: [['upgrade', 'websocket']],
  'TE beyond trailers': [['te', 'gzip']],
  'another host': [['host', 'y']],
  'two lengths': [
    ['content-length', '0'],
    ['content-length', '0'],
  ],
  'a length without a body': [['content-length', '5']],
  'an unknown pseudo-header': [[':proxy', 'x']],
  'a pseudo-header behind a field': [
    ['x', 'y'],
    [':path', '/2'],
  ],
  ':path twice': [[':path', '/2']],
  ':protocol without CONNECT': [[':protocol', 'websocket']],
};

t.test('heads that are refused with 400, each on its stream', async (t) => {
  const { port, sluice } = await startHttp2(t, 'return 200;');
  const client = new FrameClient(t, port);
  let stream = 1;
  for (const [name, extra] of Object.entries(refused)) {
    client.send(request(stream, '/', extra));
    const head = await client.find((each) => each.type === TYPE.headers && each.stream === stream);
    t.equal(head.payload[0], 0x8c, name); // :status 400, of the static table
    stream += 2;
  }
  t.equal(sluice.logged(/client sent connection-specific header/), 4);
});

interface Status {
  readonly http2: { readonly floods: number };
  readonly connections: { readonly active: number; readonly writing: number };
}

async function status({ connect }: Http2): Promise<Status> {
  const session = connect();
  const { body } = await ask(session, { ':path': '/status' });
  session.destroy();
  return JSON.parse(body) as Status;
}

async function floodsCounted(http2: Http2): Promise<number> {
  return (await status(http2)).http2.floods;
}

t.test('bodies of another length than was declared, streamed or not', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const pass = `proxy_http_version 1.1; proxy_pass http://127.0.0.1:${origin.port};`;
  const { port, sluice } = await startHttp2(
    t,
    `location / { ${pass} } location /streamed { ${pass} proxy_request_buffering off; } location /ok { return 204; }`,
  );
  const client = new FrameClient(t, port);
  let stream = -1;
  for (const path of ['/', '/streamed']) {
    for (const [what, body] of [
      ['longer', 'xxx'],
      ['shorter', 'x'],
    ] as const) {
      for (const together of [true, false]) {
        stream += 2;
        const head = request(stream, path, [['content-length', '2']], END_HEADERS);
        const data = frame(TYPE.data, 1, stream, Buffer.from(body));
        if (together) client.send(head, data);
        else {
          client.send(head);
          await pong(client);
          client.send(data);
        }
        const end = await client.end(stream);
        const answer = client.frames.find((each) => each.stream === stream && each.type === TYPE.headers);
        // `:status: 400` of the static table, or no answer at all.
        t.ok(answer ? answer.payload[0] === (0x80 | 12) : end.type === TYPE.reset, `${path}: ${what}`);
      }
    }
  }
  client.send(request(stream + 2, '/ok'));
  await client.end(stream + 2);
  t.equal(sluice.logged(/exited on signal/), 0);
});
