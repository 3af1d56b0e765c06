// What keeps a server busy is bounded: it ends the connection, or costs no more than the packets that bring it.
import t, { type Test } from 'tap';
import { startOrigin } from '../support/origin.ts';
import { FrameType, frame, newConnectionIdFrame, streamFrame } from './raw/frames.ts';
import {
  greeting,
  H3,
  h3Frame,
  parseResponse,
  prefixInteger,
  request,
  Stream,
  settings,
} from './raw/http.ts';
import { RawClient } from './raw/raw-client.ts';
import { Reader, varint } from './raw/varint.ts';
import { type Quic, startQuic } from './serving.ts';

const EXCESSIVE_LOAD = 0x107;
const DECOMPRESSION_FAILED = 0x200;
const ENCODER_STREAM = 0x201;
const CONNECTION_ID_LIMIT = 0x09;
const CANCELLED = 0x10c;
/** As the server's windows of 64 KB have it. */
const PIECE = 1000;

const repeat = (count: number, make: (i: number) => Buffer): Buffer[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** One stream's bytes, in frames. */
function cut(stream: number, bytes: Buffer): Buffer[] {
  return repeat(Math.ceil(bytes.length / PIECE), (i) =>
    streamFrame(stream, bytes.subarray(i * PIECE, (i + 1) * PIECE), { offset: i * PIECE }),
  );
}

/** Requests of one stream each, 0 and what follows. */
function onStreams(count: number, make: (stream: number) => Buffer[]): Buffer[][] {
  return repeat(count, () => Buffer.alloc(0)).map((_, i) => make(4 * i));
}

const post = request('/', [], 'POST');
const insertion = (size: number): Buffer =>
  Buffer.concat([Buffer.from([0x41, 0x78]), prefixInteger(0, 7, size), Buffer.alloc(size, 0x62)]);
const capacityOf = (size: number): Buffer => prefixInteger(0x20, 5, size);
const capacity = capacityOf(4096);
const WAITS = h3Frame(H3.headers, Buffer.from([3, 0, 0x80]));

/** Each in steps: a client waits for new streams before it goes on. */
const floods: Record<string, readonly Buffer[][]> = {
  'empty DATA': [cut(0, Buffer.concat([post, ...repeat(70_000, () => h3Frame(H3.data))]))],
  'unknown frames': [
    cut(0, Buffer.concat([post, ...repeat(30_000, () => h3Frame(0x21, Buffer.from('what')))])),
  ],
  'an unknown frame without an end': [
    cut(0, Buffer.concat([post, varint(0x21), varint(1 << 29), Buffer.alloc(200_000)])),
  ],
  PRIORITY_UPDATE: [
    cut(
      Stream.control,
      Buffer.concat([
        settings,
        ...repeat(60_000, () => h3Frame(H3.priorityUpdate, varint(0), Buffer.from('u=0'))),
      ]),
    ),
  ],
  MAX_PUSH_ID: [
    cut(
      Stream.control,
      Buffer.concat([settings, ...repeat(120_000, (i) => h3Frame(H3.maxPushId, varint(i)))]),
    ),
  ],
  'insertions into the table': [
    cut(Stream.encoder, Buffer.concat([varint(2), capacity, ...repeat(500, () => insertion(1000))])),
  ],
  'copies of an entry': [
    cut(Stream.encoder, Buffer.concat([varint(2), capacity, insertion(10), Buffer.alloc(500_000, 0)])),
  ],
  'streams cancelled in the decoder stream': [
    cut(Stream.decoder, Buffer.concat([varint(3), Buffer.alloc(500_000, 0x40)])),
  ],
  'SETTINGS of many entries': [
    cut(
      Stream.control,
      Buffer.concat([
        varint(0),
        h3Frame(H3.settings, ...repeat(5000, (i) => Buffer.concat([varint(100 + i), varint(1)]))),
      ]),
    ),
  ],
  'rapid reset': onStreams(600, (stream) => [
    streamFrame(stream, post),
    frame(FrameType.resetStream, stream, CANCELLED, post.length),
    frame(FrameType.stopSending, stream, CANCELLED),
  ]),
  'requests whose answer nobody wants': onStreams(600, (stream) => [
    streamFrame(stream, request('/'), { end: true }),
    frame(FrameType.stopSending, stream, CANCELLED),
  ]),
  'resets that the server is made to send': onStreams(600, (stream) => [
    streamFrame(
      stream,
      Buffer.concat([request('/', [['content-length', '1']], 'POST'), h3Frame(H3.data, Buffer.from('12'))]),
      {
        end: true,
      },
    ),
  ]),
};

/** What is too large by its own word is no flood. */
const REFUSED_AT_ONCE = 1;

async function start(t: Test): Promise<Quic & { floods(): Promise<number> }> {
  const origin = await startOrigin(t, () => undefined);
  const quic = await startQuic(
    t,
    `server { LISTEN; location /ok { return 200; } location /status { sluice_status json; }
location / { proxy_request_buffering off; proxy_pass http://127.0.0.1:${origin.port}; } }`,
  );
  const floods = async (): Promise<number> => {
    const { bodies } = await quic.get('/status');
    return JSON.parse(bodies.get('status')?.toString() ?? '').http3.floods;
  };
  return { ...quic, floods };
}

/** Sends as much as the server's windows take, until it has had enough. */
async function sendAll(client: RawClient, steps: readonly Buffer[][]): Promise<void> {
  const granted = (type: number, least: number): number =>
    Math.max(least, ...client.of(type).map(({ numbers }) => numbers.at(-1) ?? 0));
  for (const [i, frames] of steps.entries()) {
    await client.until('streams', () => client.close !== undefined || i < granted(FrameType.maxStreams, 128));
    for (const [j, each] of frames.entries()) {
      await client.until(
        'a window',
        () => client.close !== undefined || (j + 1) * PIECE <= granted(FrameType.maxStreamData, 65_536),
      );
      if (client.close) return;
      client.send(each);
    }
  }
}

/** Its first bytes are of the client's control stream. */
const speaksItself = new Set(['PRIORITY_UPDATE', 'MAX_PUSH_ID', 'SETTINGS of many entries']);

t.test('floods end their connection', async (t) => {
  const { port, get, floods: counted, sluice } = await start(t);
  for (const [name, steps] of Object.entries(floods)) {
    const client = await RawClient.connect(t, port);
    if (!speaksItself.has(name)) client.send(greeting);
    await sendAll(client, steps);
    t.strictSame(await client.closed().catch(String), { by: 'application', code: EXCESSIVE_LOAD }, name);
  }
  t.strictSame((await get('/ok')).statuses, [200], 'others are served');
  t.equal(await counted(), Object.keys(floods).length - REFUSED_AT_ONCE, 'they are counted');
  t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});

/** A client that does what it may. */
async function ask(t: Test, port: number, parameters = new Map<number, number>()): Promise<RawClient> {
  const client = await RawClient.connect(t, port, { parameters });
  client.send(greeting);
  return client;
}

t.test('a field section is no bomb', async (t) => {
  const { port, get, sluice } = await start(t);
  // One long field goes into the table, and out of it again a thousand times: a byte each.
  const bomb = await ask(t, port);
  bomb.send(streamFrame(Stream.encoder, Buffer.concat([varint(2), capacity, insertion(3000)])));
  const lines = Buffer.concat([Buffer.from([2, 0]), Buffer.alloc(60_000, 0x80)]);
  await sendAll(bomb, [cut(0, h3Frame(H3.headers, lines))]);
  await bomb.until('an answer', () => bomb.received(0).ended || bomb.close !== undefined);
  t.strictSame(parseResponse(bomb.received(0).bytes).statuses, [400], 'the fields are too large together');

  // A section that waits for insertions, on more streams than may wait.
  const waiting = await ask(t, port);
  for (let i = 0; i < 17; i++) waiting.send(streamFrame(4 * i, WAITS, { end: true }));
  t.strictSame(await waiting.closed(), { by: 'application', code: DECOMPRESSION_FAILED });
  t.strictSame((await get('/ok')).statuses, [200], 'others are served');
  t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});

/** What the server says of itself (RFC 9114, 7.2.4). */
function settingsOf(client: RawClient): Map<number, number> {
  const reader = new Reader(client.received(3).bytes);
  reader.varint();
  reader.varint();
  const payload = new Reader(reader.bytes(reader.varint()));
  const found = new Map<number, number>();
  while (payload.left > 0) found.set(payload.varint(), payload.varint());
  return found;
}

t.test("the client's table is as large as directives say, and holds what a request may", async (t) => {
  const { port, get, sluice } = await startQuic(
    t,
    `http3_max_table_capacity 2048; http3_max_blocked_streams 1; large_client_header_buffers 4 512;
     server { LISTEN; location /ok { return 200; } }`,
  );
  const first = await ask(t, port);
  await first.until('SETTINGS', () => first.received(3).bytes.length > 0);
  t.equal(settingsOf(first).get(0x01), 2048);
  t.equal(settingsOf(first).get(0x07), 1);
  const inserts = (size: number, most = 2048): Buffer =>
    streamFrame(Stream.encoder, Buffer.concat([varint(2), capacityOf(most), insertion(size)]));
  first.send(inserts(512), streamFrame(0, request('/ok'), { end: true }));
  await first.until('a response', () => first.received(0).ended);
  for (const [frames, code, what] of [
    [[inserts(513)], EXCESSIVE_LOAD, 'a value that no buffer holds'],
    [[inserts(512, 2049)], ENCODER_STREAM, 'a larger table'],
    [[0, 4].map((id) => streamFrame(id, WAITS, { end: true })), DECOMPRESSION_FAILED, 'more that wait'],
  ] as const) {
    const client = await ask(t, port);
    client.send(...frames);
    t.strictSame(await client.closed(), { by: 'application', code }, what);
  }
  // Its size and its bytes come in pieces, behind an instruction of each kind.
  const others = [insertion(200), Buffer.from([0xc1, 1, 0x2f, 0]), capacityOf(1000), insertion(513)];
  const pieces = [...Buffer.concat([varint(2), capacityOf(2048), ...others])];
  const slow = await ask(t, port);
  pieces.forEach(
    (byte, offset) => void slow.send(streamFrame(Stream.encoder, Buffer.from([byte]), { offset })),
  );
  t.strictSame(await slow.closed(), { by: 'application', code: EXCESSIVE_LOAD }, 'byte by byte');
  t.strictSame((await get('/ok')).statuses, [200], 'others are served');
  t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});

t.test('connection IDs are no stock', async (t) => {
  const { port, get, sluice } = await start(t);
  const issuing = await RawClient.connect(t, port);
  // Each retires those before it; the server has to say so for all of them.
  for (let i = 1; i <= 200 && !issuing.close; i++)
    issuing.send(newConnectionIdFrame(i, i, Buffer.alloc(8, i)));
  issuing.acknowledges = false;
  for (let i = 201; i <= 2000 && !issuing.close; i++)
    issuing.send(newConnectionIdFrame(i, i, Buffer.from([1, 2, 3, 4, 5, 6, i >> 8, i & 255])));
  t.strictSame(await issuing.closed(), { by: 'transport', code: CONNECTION_ID_LIMIT }, 'NEW_CONNECTION_ID');

  const retiring = await RawClient.connect(t, port);
  let retired = 0;
  for (let round = 0; round < 20; round++) {
    const issued = retiring.of(FrameType.newConnectionId).map(({ numbers: [sequence = 0] }) => sequence);
    for (const sequence of issued.slice(retired))
      retiring.send(frame(FrameType.retireConnectionId, sequence));
    retired = issued.length;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.ok(retired < 20 * 8, `RETIRE_CONNECTION_ID had ${retired} made`);
  retiring.send(greeting, streamFrame(0, request('/ok'), { end: true }));
  await retiring.until('a response', () => retiring.received(0).ended);

  t.strictSame((await get('/ok')).statuses, [200], 'others are served');
  t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});

t.test('frames that cost a packet each are just that', async (t) => {
  const { port, get, sluice } = await start(t);
  const client = await ask(t, port);
  for (let i = 0; i < 3000; i++) {
    const each = Buffer.alloc(8, i);
    client.send(
      frame(FrameType.ping),
      Buffer.concat([frame(FrameType.pathChallenge), each]),
      Buffer.concat([frame(FrameType.pathResponse), each]),
      frame(FrameType.maxData, 1 << 20),
      frame(FrameType.dataBlocked, i),
      frame(FrameType.stopSending, 400, CANCELLED),
      frame(FrameType.resetStream, 404, CANCELLED, 0),
    );
    if (i % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  client.send(streamFrame(0, request('/ok'), { end: true }));
  await client.until('a response', () => client.received(0).ended);
  t.strictSame(parseResponse(client.received(0).bytes).statuses, [200], 'it is served all the same');
  t.strictSame((await get('/ok')).statuses, [200], 'others are served');
  t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});

t.test('a client that takes nothing costs its stream after send_timeout', async (t) => {
  const { port } = await startQuic(t, 'server { LISTEN; send_timeout 300ms; root .; }', {
    'file.bin': Buffer.alloc(500_000),
  });
  const client = await ask(t, port, new Map([[0x05, 1000]]));
  client.send(streamFrame(0, request('/file.bin'), { end: true }));
  await client.until('a reset', () => client.has(FrameType.resetStream));
  client.send(streamFrame(4, request('/file.bin'), { end: true }));
  await client.until('another one', () => client.of(FrameType.resetStream).length === 2);
  t.equal(client.close, undefined);
});
