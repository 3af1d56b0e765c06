/** What an upstream that speaks HTTP/2 can do wrong. */
import { randomBytes } from 'node:crypto';
import t from 'tap';
import { serve } from '../http/serving.ts';
import { eventually } from '../support/eventually.ts';
import { END_HEADERS, END_STREAM, fields, frame, number, startFrames, TYPE } from './h2-origin.ts';

/** One location that passes on to a group of one peer. */
const proxy = (port: number, lines = '', group = 'keepalive 4;'): string =>
  `upstream group { server 127.0.0.1:${port}; ${group} }
   server { listen LISTEN; client_max_body_size 0; proxy_http_version 2; ${lines}
    location / { proxy_pass http://group; } }`;

const OK = fields([':status', '200']);
const responses: Record<string, [frames: (stream: number) => Buffer[], status: number, logged?: RegExp]> = {
  'in pieces': [
    (stream) => [
      frame(TYPE.headers, 0, stream, OK.subarray(0, 4)),
      frame(TYPE.continuation, END_HEADERS, stream, OK.subarray(4)),
      frame(TYPE.data, 0, stream),
      frame(TYPE.data, END_STREAM, stream, Buffer.from('body')),
    ],
    200,
  ],
  'after hints': [
    (stream) => [
      frame(TYPE.headers, END_HEADERS, stream, fields([':status', '103'], ['link', '</x>'])),
      frame(TYPE.headers, END_HEADERS | END_STREAM, stream, OK),
    ],
    200,
  ],
  'a reset': [
    (stream) => [frame(TYPE.reset, 0, stream, number(2))],
    502,
    /upstream rejected request with error 2 while reading response header/,
  ],
  'a reset within the body': [
    (stream) => [
      frame(TYPE.headers, END_HEADERS, stream, OK),
      frame(TYPE.data, 0, stream, Buffer.from('half')),
      frame(TYPE.reset, 0, stream, number(2)),
    ],
    200,
    /upstream rejected request with error 2 while reading upstream/,
  ],
  'no status': [
    (stream) => [frame(TYPE.headers, END_HEADERS | END_STREAM, stream, fields(['x', 'y']))],
    502,
    /upstream sent no :status header/,
  ],
  'two statuses': [
    (stream) => [frame(TYPE.headers, 5, stream, fields([':status', '200'], [':status', '200']))],
    502,
    /upstream sent duplicate :status header/,
  ],
  'a status that is none': [
    (stream) => [frame(TYPE.headers, 5, stream, fields([':status', '2x0']))],
    502,
    /upstream sent invalid :status "2x0"/,
  ],
  'a 101': [
    (stream) => [frame(TYPE.headers, 5, stream, fields([':status', '101']))],
    502,
    /upstream sent unexpected :status "101"/,
  ],
  'a line feed in a value': [
    (stream) => [frame(TYPE.headers, 5, stream, fields([':status', '200'], ['x', 'a\nb: c']))],
    502,
    /upstream sent invalid header "x: a/,
  ],
  'a capital in a name': [
    (stream) => [frame(TYPE.headers, 5, stream, fields([':status', '200'], ['X', 'y']))],
    502,
    /upstream sent invalid header "X: y"/,
  ],
  'a field of HTTP/1’s connections': [
    (stream) => [
      frame(TYPE.headers, 5, stream, fields([':status', '200'], ['transfer-encoding', 'chunked'])),
    ],
    502,
    /upstream sent invalid header "transfer-encoding: chunked"/,
  ],
  'two lengths': [
    (stream) => [
      frame(
        TYPE.headers,
        5,
        stream,
        fields([':status', '200'], ['content-length', '1'], ['content-length', '2']),
      ),
    ],
    502,
    /upstream sent invalid header "content-length: 2"/,
  ],
  'a head that is too big': [
    (stream) => [frame(TYPE.headers, 5, stream, fields([':status', '200'], ['x', 'y'.repeat(5000)]))],
    502,
    /upstream sent too big header/,
  ],
  'a head that never ends': [
    (stream) => [
      frame(TYPE.headers, 0, stream, OK),
      ...Array.from({ length: 200 }, () => frame(TYPE.continuation, 0, stream, fields(['x', 'y']))),
    ],
    502,
    /upstream sent invalid http2 frame/,
  ],
  'a table that is no table': [
    (stream) => [frame(TYPE.headers, 5, stream, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]))],
    502,
    /upstream sent invalid http2 frame/,
  ],
  'more than it said': [
    (stream) => [
      frame(TYPE.headers, END_HEADERS, stream, fields([':status', '200'], ['content-length', '2'])),
      frame(TYPE.data, END_STREAM, stream, Buffer.from('body')),
    ],
    200,
    /upstream sent response body larger than indicated content length/,
  ],
  'less than it said': [
    (stream) => [
      frame(TYPE.headers, END_HEADERS, stream, fields([':status', '200'], ['content-length', '9'])),
      frame(TYPE.data, END_STREAM, stream, Buffer.from('body')),
    ],
    200,
    /upstream prematurely closed stream/,
  ],
  'trailers that end nothing': [
    (stream) => [
      frame(TYPE.headers, END_HEADERS, stream, OK),
      frame(TYPE.headers, END_HEADERS, stream, fields(['x', 'y'])),
    ],
    200,
    /upstream sent trailer without end stream flag/,
  ],
  'a body before its head': [
    (stream) => [frame(TYPE.data, END_STREAM, stream, Buffer.from('body'))],
    502,
    /upstream sent invalid http2 frame/,
  ],
  'an empty body without a head': [
    (stream) => [frame(TYPE.data, END_STREAM, stream)],
    502,
    /upstream sent invalid http2 frame/,
  ],
  'an empty body behind mere hints': [
    (stream) => [
      frame(TYPE.headers, END_HEADERS, stream, fields([':status', '103'])),
      frame(TYPE.data, END_STREAM, stream),
    ],
    502,
    /upstream sent unexpected http2 frame: 0/,
  ],
  'a push': [
    (stream) => [
      frame(TYPE.push, END_HEADERS, stream, Buffer.concat([number(2), fields([':method', 'GET'])])),
    ],
    502,
    /upstream sent invalid http2 frame/,
  ],
  'a frame that is too large': [
    (stream) => [frame(TYPE.headers, END_HEADERS, stream, Buffer.alloc(20_000))],
    502,
    /upstream sent invalid http2 frame/,
  ],
  'another window than it may have': [
    (stream) => [
      frame(TYPE.headers, END_HEADERS, stream, OK),
      ...Array.from({ length: 80 }, () => frame(TYPE.data, 0, stream, Buffer.alloc(16_000))),
    ],
    200,
  ],
  'HTTP/1': [
    () => [Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')],
    502,
    /upstream sent invalid http2 frame/,
  ],
};

t.test('what an upstream says', async (t) => {
  const names = Object.keys(responses);
  let index = 0;
  const { port } = await startFrames(t, (stream, socket) => {
    const [frames] = responses[names[index]!]!;
    for (const each of frames(stream)) socket.write(each);
  });
  const { answer, sluice } = await serve(
    t,
    proxy(port, 'proxy_read_timeout 500ms; proxy_next_upstream off;'),
  );
  const [worker] = sluice.workers();
  for (const [i, name] of names.entries()) {
    const [, status, logged] = responses[name]!;
    index = i;
    const before = sluice.errorLog().length;
    const said = await answer('/');
    t.match(said, new RegExp(`^HTTP/1.1 ${status} `), name);
    if (logged) t.notMatch(said, /\r\n0\r\n/, 'what was cut off does not look complete');
    if (logged) await eventually(`the log of ${name}`, () => logged.test(sluice.errorLog().slice(before)));
  }
  t.same(sluice.workers(), [worker], 'nobody died of it');
});

t.test('floods', async (t) => {
  const floods: Record<string, (socket: { write(data: Buffer): boolean }, stream: number) => Buffer> = {
    pings: () => frame(TYPE.ping, 0, 0, Buffer.alloc(8)),
    settings: () => frame(TYPE.settings, 0, 0),
    'empty data': (_, stream) => frame(TYPE.data, 0, stream),
    'window updates': () => frame(TYPE.window, 0, 0, number(1)),
    'unknown frames': () => frame(200, 0, 0, Buffer.alloc(100)),
  };
  for (const [name, make] of Object.entries(floods)) {
    const { port } = await startFrames(t, (stream, socket) => {
      if (name === 'empty data') socket.write(frame(TYPE.headers, END_HEADERS, stream, OK));
      const burst = Buffer.concat(Array.from({ length: 5000 }, () => make(socket, stream)));
      const go = (): void => {
        while (!socket.destroyed && socket.write(burst));
      };
      socket.on('drain', go);
      go();
    });
    const { answer, sluice } = await serve(t, proxy(port, 'proxy_next_upstream off;'));
    await answer('/');
    await eventually(`the end of a flood of ${name}`, () =>
      /http2 flood detected|invalid http2 frame/.test(sluice.errorLog()),
    );
    t.pass(name);
  }
});

t.test('an upstream that takes nothing', async (t) => {
  // SETTINGS_INITIAL_WINDOW_SIZE of 0
  const { port } = await startFrames(t, () => undefined, Buffer.from([0, 4, 0, 0, 0, 0]));
  const { port: at, sluice } = await serve(
    t,
    proxy(port, 'proxy_send_timeout 300ms; proxy_next_upstream off;'),
  );
  const answer = await fetch(`http://127.0.0.1:${at}/`, { method: 'POST', body: randomBytes(500_000) });
  t.equal(answer.status, 504);
  t.match(
    sluice.errorLog(),
    /upstream timed out \(110: Connection timed out\) while sending request to upstream/,
  );
});
