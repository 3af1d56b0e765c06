// What clients do wrong, or too often, costs them their stream, their session or their connection, and nobody else anything.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { datagramFrame, FrameType, frame, streamFrame } from '../quic/raw/frames.ts';
import { greeting, H3, h3Frame, headers, parseResponse, request } from '../quic/raw/http.ts';
import { RawClient, type RawOptions } from '../quic/raw/raw-client.ts';
import { varint } from '../quic/raw/varint.ts';
import { eventually } from '../support/eventually.ts';
import type { Cleanup } from '../support/sluice.ts';
import { startServing } from './serving.ts';

const ECHO = readFileSync(join(import.meta.dirname, '../../conf/webtransport-echo.mjs'), 'utf8');
const CLOSE_CAPSULE = 0x2843;
const MAX_DATAGRAM_SIZE = 0x20;
const UNIDIRECTIONAL = 0x54;
const BIDIRECTIONAL = 0x41;
/** An application's error code 0, among HTTP/3's. */
const FIRST_APPLICATION_ERROR = 0x52e4a40fa8db;
/** The client's unidirectional streams behind the control stream. */
const FIRST_ONE_WAY = 6;
const Code = {
  datagramError: 0x33,
  idError: 0x108,
  sessionGone: 0x170d7b68,
  rejected: 0x3994bd84,
} as const;

function connectTo(path: string): Buffer {
  return headers([
    [':method', 'CONNECT'],
    [':protocol', 'webtransport'],
    [':scheme', 'https'],
    [':authority', 'localhost'],
    [':path', path],
    ['sec-webtransport-http3-draft02', '1'],
  ]);
}

const begin = (kind: number, session: number): Buffer => Buffer.concat([varint(kind), varint(session)]);

async function connect(t: Cleanup, port: number, options: RawOptions = {}): Promise<RawClient> {
  const parameters = [[MAX_DATAGRAM_SIZE, 65_535] as const, ...(options.parameters ?? [])];
  const client = await RawClient.connect(t, port, { ...options, parameters: new Map(parameters) });
  client.send(greeting);
  return client;
}

/** A session on that stream is open. */
async function openSession(client: RawClient, path: string, stream = 0): Promise<void> {
  client.send(streamFrame(stream, connectTo(path)));
  await client.until('the session', () => parseResponse(client.received(stream).bytes).statuses[0] === 200);
}

const echoed = (client: RawClient, stream: number): string => client.received(stream).bytes.toString();

/** That the worker serves whoever comes next. */
async function shows(t: Tap, port: number, what: string): Promise<void> {
  const other = await connect(t, port);
  await openSession(other, '/echo');
  other.send(streamFrame(4, Buffer.concat([begin(BIDIRECTIONAL, 0), Buffer.from('hello')]), { end: true }));
  await other.until('the echo', () => echoed(other, 4) === 'hello');
  t.pass(what);
}
type Tap = Cleanup & { pass(what: string): unknown };

function stopped(client: RawClient, stream: number): number | undefined {
  return client.of(FrameType.stopSending).find(({ numbers: [id] }) => id === stream)?.numbers[1];
}

function wasReset(client: RawClient, stream: number): number | undefined {
  return client.of(FrameType.resetStream).find(({ numbers: [id] }) => id === stream)?.numbers[1];
}

t.test('a capsule that is too long ends its session', async (t) => {
  const { port, sluice } = await startServing(t, { echo: ECHO });
  const client = await connect(t, port);
  await openSession(client, '/echo');
  const capsule = Buffer.concat([varint(CLOSE_CAPSULE), varint(5_000), Buffer.alloc(20)]);
  client.send(streamFrame(0, h3Frame(H3.data, capsule), { offset: connectTo('/echo').length }));
  await client.until('the reset', () => wasReset(client, 0) !== undefined);
  t.equal(wasReset(client, 0), Code.datagramError);
  t.equal(sluice.logged(/client sent an invalid capsule/), 1);
  client.send(streamFrame(4, request('/page')));
  await client.until('another request of the connection', () => client.received(4).ended);
  await shows(t, port, 'others are served');
});

t.test('streams and datagrams that come before their session wait for it, some of them', async (t) => {
  const server = 'webtransport_max_streams 3;';
  const { port } = await startServing(t, { echo: ECHO }, { server });
  const client = await connect(t, port);
  for (let i = 0; i < 4; i++) {
    const bytes = Buffer.concat([begin(BIDIRECTIONAL, 0), Buffer.from(`early ${i}`)]);
    client.send(streamFrame(4 + 4 * i, bytes, { end: true }));
  }
  await client.until('a refusal', () => wasReset(client, 16) !== undefined);
  t.equal(wasReset(client, 16), Code.rejected);
  client.send(datagramFrame(Buffer.concat([varint(0), Buffer.from('early')])));
  await openSession(client, '/echo');
  const all = (): string[] => [4, 8, 12].map((stream) => echoed(client, stream));
  await client.until('the echoes', () => all().join() === 'early 0,early 1,early 2');
  await client.until('the datagram', () =>
    client
      .of(FrameType.datagram + 1)
      .concat(client.of(FrameType.datagram))
      .some(({ bytes }) => bytes.subarray(1).toString() === 'early'),
  );
  t.equal(client.close, undefined);
});

t.test('streams of a session that is over, or that was refused, are given up', async (t) => {
  const { port } = await startServing(t, {
    echo: ECHO,
    no: 'export const accept = () => ({ status: 403 }); export function handle() {}',
  });
  const client = await connect(t, port);
  client.send(streamFrame(0, connectTo('/no'), { end: true }));
  await client.until('the refusal', () => client.received(0).ended);
  client.send(streamFrame(FIRST_ONE_WAY, begin(UNIDIRECTIONAL, 0)));
  await client.until('the stop', () => stopped(client, FIRST_ONE_WAY) !== undefined);
  t.equal(stopped(client, FIRST_ONE_WAY), Code.sessionGone);
  await openSession(client, '/echo', 4);
  client.send(streamFrame(8, begin(BIDIRECTIONAL, 4)));
  client.send(streamFrame(4, Buffer.alloc(0), { offset: connectTo('/echo').length, end: true }));
  await client.until('the reset', () => wasReset(client, 8) !== undefined);
  t.equal(wasReset(client, 8), Code.sessionGone);
});

const STOPPABLE = `export async function handle(session) {
  for await (const { writable } of session.incomingBidirectionalStreams) {
    const { writable: report } = await session.createBidirectionalStream();
    writable.getWriter().closed.catch(({ message }) => report.getWriter().write(Buffer.from(message)));
  }
}`;

t.test('a handler that writes nothing hears that its client wants no more, and why', async (t) => {
  const { port } = await startServing(t, { quiet: STOPPABLE });
  const client = await connect(t, port);
  const stop = (stream: number, code: number): Buffer =>
    frame(FrameType.stopSending, stream, FIRST_APPLICATION_ERROR + code);
  client.send(streamFrame(4, begin(BIDIRECTIONAL, 0)), stop(4, 5));
  await openSession(client, '/quiet');
  const reported = (stream: number, code: number): boolean =>
    client.received(stream).bytes.toString().endsWith(`StopSending with code:${code}`);
  await client.until('the report of what came before the session', () => reported(1, 5));
  client.send(streamFrame(8, begin(BIDIRECTIONAL, 0)));
  await client.until('the second stream', () => client.received(5).bytes.length > 0);
  client.send(stop(8, 7));
  await client.until('the report', () => reported(5, 7));
  t.equal(client.close, undefined);
});

t.test('what names no session ends the connection', async (t) => {
  const { port } = await startServing(t, { echo: ECHO });
  const first = await connect(t, port);
  first.send(streamFrame(FIRST_ONE_WAY, begin(UNIDIRECTIONAL, 2)));
  t.strictSame(await first.closed(), { by: 'application', code: Code.idError });
  const second = await connect(t, port);
  second.send(datagramFrame(Buffer.alloc(0)));
  t.strictSame(await second.closed(), { by: 'application', code: Code.datagramError });
  await shows(t, port, 'others are served');
});

t.test('more sessions than are allowed are refused', async (t) => {
  const server = 'webtransport_max_sessions 2;';
  const { port, sluice } = await startServing(t, { echo: ECHO }, { server });
  const client = await connect(t, port);
  await openSession(client, '/echo', 0);
  await openSession(client, '/echo', 4);
  client.send(streamFrame(8, connectTo('/echo')));
  await client.until('the refusal', () => client.received(8).ended);
  t.not(parseResponse(client.received(8).bytes).statuses[0], 200);
  await eventually('the log', () => / 429 /.test(readFileSync(sluice.path('access.log'), 'utf8')));
});

t.test('thousands of streams that are opened and given up, and a flood of datagrams', async (t) => {
  const { port, sluice } = await startServing(t, { echo: ECHO });
  const before = sluice.workers();
  const client = await connect(t, port);
  await openSession(client, '/echo');
  const allowed = (): number => {
    const [, ...told] = [
      128 + 3,
      ...client.of(FrameType.maxStreams + 1).map(({ numbers: [most = 0] }) => most),
    ];
    return Math.max(128 + 3, ...told);
  };
  for (let i = 1; i < 3_000; i++) {
    await client.until('room for streams', () => i < allowed() || client.close !== undefined);
    if (client.close) break;
    const stream = 2 + 4 * i;
    client.send(
      streamFrame(stream, begin(UNIDIRECTIONAL, 0)),
      frame(FrameType.resetStream, stream, 0, begin(UNIDIRECTIONAL, 0).length),
    );
  }
  t.equal(client.close, undefined);
  for (let i = 0; i < 5_000; i++) client.send(datagramFrame(Buffer.concat([varint(0), Buffer.alloc(100)])));
  // The kernel has dropped some of the flood, and may drop this.
  const still = streamFrame(4, Buffer.concat([begin(BIDIRECTIONAL, 0), Buffer.from('still')]), { end: true });
  // Not too often: each packet is acknowledged by one, and what is paced waits behind those.
  const again = setInterval(() => client.send(still), 500);
  t.teardown(() => clearInterval(again));
  client.send(still);
  await eventually('the session to live', () => echoed(client, 4) === 'still', 20_000);
  await shows(t, port, 'others are served');
  t.strictSame(sluice.workers(), before);
});

t.test('who is not read stops: a stream, and what the handler writes', async (t) => {
  const { port, sluice } = await startServing(
    t,
    {
      echo: ECHO,
      slow: `import { writeFileSync } from 'node:fs';
      export async function handle(session) {
        const { value: { readable, writable } } = await session.incomingBidirectionalStreams.getReader().read();
        const writer = writable.getWriter();
        let written = 0;
        const note = () => writeFileSync(new URL('./written', import.meta.url), String(written));
        for (; written < 10_000_000; written += 10_000, note()) await writer.write(new Uint8Array(10_000));
      }`,
    },
    { server: 'http3_stream_buffer_size 64k;' },
  );
  // The server's part of a stream that the client opens: so much and no more.
  const window = 50_000;
  const client = await connect(t, port, { parameters: new Map([[0x05, window]]) });
  await openSession(client, '/slow');
  const beginning = begin(BIDIRECTIONAL, 0);
  const upload = Buffer.concat([beginning, Buffer.alloc(60_000)]);
  for (let at = 0; at < upload.length; at += 1_000)
    client.send(streamFrame(4, upload.subarray(at, at + 1_000), { offset: at }));
  await client.until('all that the window has', () => client.received(4).bytes.length === window);
  // The server's loop has gone round with all that was sent.
  await shows(t, port, 'others are served meanwhile');
  const written = Number(readFileSync(sluice.path('written'), 'utf8'));
  t.ok(written >= window && written < 1_000_000, `the writer waits after ${written} bytes`);
  const rooms = client.of(FrameType.maxStreamData).filter(({ numbers: [id] }) => id === 4);
  const most = Math.max(0, ...rooms.map(({ numbers: [, room = 0] }) => room));
  t.ok(most < 64 * 1024 + 1_000, `room for ${most} bytes was given`);
});
