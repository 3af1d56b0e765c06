// What clients do wrong over HTTP/2, or too often, costs them their session, and nobody else anything.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { varint } from '../quic/raw/varint.ts';
import { eventually } from '../support/eventually.ts';
import type { Cleanup } from '../support/sluice.ts';
import { Capsule, type CapsuleClient, CapsuleConnection, Code, capsule, Setting } from './capsule-client.ts';
import { startServing } from './serving.ts';

const ECHO = readFileSync(join(import.meta.dirname, '../../conf/webtransport-echo.mjs'), 'utf8');
const WINDOW = 4096;
const STREAMS = 4;
const LIMITS = `webtransport_max_streams ${STREAMS}; webtransport_buffer_size ${WINDOW}; webtransport_max_sessions 2;`;
/** Accepts, and reads nothing. */
const DEAF = 'export const handle = (session) => session.closed;';

/** Between client and server, until it is cut: then nothing passes, and nobody knows. */
class Path {
  readonly #sockets: Socket[] = [];
  readonly #listener = createServer();

  static async open(t: Cleanup, to: number): Promise<Path> {
    const path = new Path();
    path.#listener.on('connection', (near) => {
      const far = connect(to, '127.0.0.1');
      path.#sockets.push(near, far);
      near.pipe(far).pipe(near);
    });
    path.#listener.listen(0, '127.0.0.1');
    await once(path.#listener, 'listening');
    t.teardown(() => {
      for (const socket of path.#sockets) socket.destroy();
      path.#listener.close();
    });
    return path;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  cut(): void {
    for (const socket of this.#sockets) socket.unpipe().pause();
  }
}

async function echoes(client: CapsuleClient, stream: number): Promise<void> {
  client.send(capsule(Capsule.lastOfStream, stream, 'hello'));
  await client.until('the echo', () => client.received(stream).ended);
}

t.test('capsules that break the rules end their session with an error that says which', async (t) => {
  const { http2Port, sluice } = await startServing(t, { echo: ECHO, deaf: DEAF }, { server: LIMITS });
  const connection = await CapsuleConnection.open(t, http2Port);
  const { stream, lastOfStream, resetStream, stopSending, maxData, maxStreamData } = Capsule;
  const opened = capsule(stream, 0);
  const huge = 2n ** 62n - 1n;
  const cases: [string, Buffer[], number][] = [
    ['a stream beyond the limit', [capsule(stream, 4 * STREAMS, 'x')], Code.flowControlError],
    ['the last stream there is', [capsule(stream, huge - 3n, 'x')], Code.flowControlError],
    ['more than a stream takes', [capsule(stream, 0, Buffer.alloc(WINDOW + 1))], Code.flowControlError],
    [
      'more than a stream takes, by and by',
      Array.from({ length: WINDOW + 1 }, () => capsule(stream, 0, 'x')),
      Code.flowControlError,
    ],
    [
      'a stream capsule of 2^62 bytes',
      [varint(stream), varint(huge), varint(0), Buffer.alloc(WINDOW + 1)],
      Code.flowControlError,
    ],
    ['a control capsule of 2^62 bytes', [varint(maxData), varint(huge)], Code.protocolError],
    ['a close of 2^62 bytes', [varint(Capsule.close), varint(huge)], Code.protocolError],
    ['a stream of ours that was never opened', [opened, capsule(maxStreamData, 1, 5)], Code.streamClosed],
    ['data on a stream that is ours alone', [opened, capsule(stream, 3, 'x')], Code.streamClosed],
    [
      'a stop of a stream that is its own alone',
      [capsule(stream, 2), capsule(stopSending, 2, 9)],
      Code.streamClosed,
    ],
    ['data behind the end', [capsule(lastOfStream, 0, 'x'), capsule(stream, 0, 'y')], Code.streamClosed],
    [
      'a reset behind the end',
      [capsule(lastOfStream, 0, 'x'), capsule(resetStream, 0, 1, 1)],
      Code.streamClosed,
    ],
    [
      'a reset that unsays data',
      [capsule(stream, 0, 'xyz'), capsule(resetStream, 0, 1, 2)],
      Code.streamClosed,
    ],
    ['a code that is none', [opened, capsule(resetStream, 0, 2 ** 32, 0)], Code.protocolError],
    ['a stop with a code that is none', [opened, capsule(stopSending, 0, 2 ** 32)], Code.protocolError],
    ['a stream capsule that names none', [capsule(stream)], Code.protocolError],
    ['…or half of one', [varint(stream), varint(1), Buffer.of(0x40)], Code.protocolError],
    ['a capsule that goes on behind its end', [capsule(maxData, 5, 5)], Code.protocolError],
    ['a capsule that is cut short', [capsule(maxStreamData, 0)], Code.protocolError],
    ['a session window that shrinks', [capsule(maxData, 9), capsule(maxData, 8)], Code.flowControlError],
    [
      "a stream's window that shrinks",
      [opened, capsule(maxStreamData, 0, 9), capsule(maxStreamData, 0, 8)],
      Code.flowControlError,
    ],
    [
      'more streams than have numbers',
      [capsule(Capsule.maxBidirectionalStreams, 2n ** 60n + 1n)],
      Code.flowControlError,
    ],
    [
      'blocked beyond all numbers',
      [capsule(Capsule.unidirectionalStreamsBlocked, 2n ** 60n + 1n)],
      Code.flowControlError,
    ],
  ];
  for (const [what, capsules, error] of cases) {
    const client = await connection.connect('/deaf');
    client.send(...capsules);
    t.equal(await client.reset(), error, what);
    await eventually(
      'its end',
      () => sluice.logged(/client (sent an invalid capsule|sent a capsule of|exceeded a limit)/) > 0,
    );
  }
  t.equal(connection.session.destroyed, false, 'the connection lives on');
  await echoes(await connection.connect('/echo'), 0);
});

t.test(
  "what is unknown, empty or early is no fault, and neither is what a stream's end overtakes",
  async (t) => {
    const { http2Port } = await startServing(t, { echo: ECHO }, { server: LIMITS });
    const connection = await CapsuleConnection.open(t, http2Port);
    const client = connection.request('/echo');
    client.send(
      capsule(Capsule.padding, Buffer.alloc(100)),
      capsule(0x1234, Buffer.alloc(100_000)),
      capsule(Capsule.datagram, Buffer.alloc(20_000)),
      capsule(Capsule.datagram, 'early'),
      capsule(Capsule.stream, 4),
      capsule(Capsule.stream, 4, 'given up'),
      capsule(Capsule.resetStream, 4, 7),
      capsule(Capsule.stream, 4, 'late'),
      capsule(Capsule.stream, 2),
      capsule(Capsule.maxStreamData, 2, 5),
      capsule(Capsule.streamDataBlocked, 0, 5),
      capsule(Capsule.dataBlocked, 5),
    );
    await client.until('the session', () => client.status === 200);
    await client.until('the datagram', () => client.of(Capsule.datagram).length > 0);
    t.equal(String(client.of(Capsule.datagram)[0]?.payload), 'early');
    for (const piece of Buffer.concat([capsule(Capsule.lastOfStream, 8, 'byte by byte')]))
      client.send(Buffer.of(piece));
    await client.until('the echo', () => client.received(8).ended);
    await echoes(client, 0);
  },
);

t.test('the session window holds what its streams hold back together', async (t) => {
  const { http2Port } = await startServing(t, { deaf: DEAF }, { server: LIMITS });
  const connection = await CapsuleConnection.open(t, http2Port);
  const client = await connection.connect('/deaf');
  for (let i = 0; i < STREAMS; i++) {
    for (const kind of [0, 2]) client.send(capsule(Capsule.stream, 4 * i + kind, Buffer.alloc(WINDOW)));
  }
  client.send(capsule(Capsule.stream, 0, 'x'));
  t.equal(await client.reset(), Code.flowControlError);
  t.strictSame(
    client.of(Capsule.maxData, Capsule.maxStreamData),
    [],
    'nobody has read, so nothing was granted',
  );
});

t.test('who is not read stops: over windows, and over a connection that nobody reads', async (t) => {
  const { http2Port, sluice } = await startServing(t, {
    echo: ECHO,
    slow: `import { writeFileSync } from 'node:fs';
      export async function handle(session) {
        const { value: { writable } } = await session.incomingBidirectionalStreams.getReader().read();
        const writer = writable.getWriter();
        let written = 0;
        const note = () => writeFileSync(new URL('./written', import.meta.url), String(written));
        for (; written < 10_000_000; written += 10_000, note()) await writer.write(new Uint8Array(10_000));
      }`,
  });
  const written = (): number => Number(readFileSync(sluice.path('written'), 'utf8'));
  const waits = async (): Promise<number> => {
    let last = -1;
    await eventually('the writer to wait', async () => {
      const before = last;
      last = written();
      // The server's loop goes round meanwhile, for others.
      await echoes(await (await CapsuleConnection.open(t, http2Port)).connect('/echo'), 0);
      return last === before;
    });
    return last;
  };
  const window = 50_000;
  const settings = { [Setting.bidirectionalStreamData]: window };
  const connection = await CapsuleConnection.open(t, http2Port, { settings });
  const client = await connection.connect('/slow');
  client.send(capsule(Capsule.stream, 0, 'go'));
  await client.until('all that the window has', () => client.received(0).bytes.length === window);
  t.ok((await waits()) < 1_000_000, `the writer waits after ${written()} bytes`);
  t.strictSame(client.numbers(Capsule.streamDataBlocked), [[0, window]]);
  client.send(capsule(Capsule.maxStreamData, 0, window + 1));
  await client.until('one byte more', () => client.received(0).bytes.length === window + 1);
  client.stream.close();

  const wide = 1 << 30;
  const deaf = await CapsuleConnection.open(t, http2Port, {
    settings: { [Setting.data]: wide, [Setting.bidirectionalStreamData]: wide },
  });
  const unread = await deaf.connect('/slow');
  unread.stream.pause();
  unread.send(capsule(Capsule.stream, 0, 'go'));
  await eventually('the writer to begin anew', () => written() < 1_000_000 && written() > 60_000);
  t.ok((await waits()) < 1_000_000, `the writer waits after ${written()} bytes`);
});

t.test('more sessions than are allowed, no handler, no TLS', async (t) => {
  const { http2Port } = await startServing(t, { echo: ECHO }, { server: LIMITS });
  const connection = await CapsuleConnection.open(t, http2Port);
  await connection.connect('/echo');
  const second = await connection.connect('/echo');
  const third = connection.request('/echo');
  await third.until('the refusal', () => third.status === 429);
  second.send(capsule(Capsule.close, Buffer.alloc(4)));
  await second.until('the end', () => second.ended);
  second.stream.end();
  await eventually('room for another one', async () => {
    const next = connection.request('/echo');
    await next.until('an answer', () => next.status !== 0);
    return next.status === 200;
  });
  const page = connection.request('/page');
  await page.until('the answer', () => page.status !== 0);
  t.not(page.status, 101);
});

t.test('a client that is silent is asked, and given up when it has gone', async (t) => {
  const { http2Port, sluice } = await startServing(t, { deaf: DEAF }, { server: 'send_timeout 200ms;' });
  const quiet = await (await CapsuleConnection.open(t, http2Port)).connect('/deaf');
  const path = await Path.open(t, http2Port);
  const connection = await CapsuleConnection.open(t, path.port);
  await connection.connect('/deaf');
  const pings = { count: 0 };
  connection.session.on('ping', () => pings.count++);
  await eventually('some PINGs', () => pings.count > 2);
  path.cut();
  await eventually('its end', () => sluice.logged(/client timed out/) === 1);
  t.equal(quiet.closed, false, 'others that answer stay');
});

t.test('streams that are opened and given up without end, and floods of datagrams', async (t) => {
  const { http2Port, sluice } = await startServing(t, { echo: ECHO }, { server: LIMITS });
  const before = sluice.workers();
  const connection = await CapsuleConnection.open(t, http2Port);
  const client = await connection.connect('/echo');
  const allowed = (): number => Math.max(STREAMS, ...client.numbers(Capsule.maxUnidirectionalStreams).flat());
  for (let i = 0; i < 1_000; i++) {
    await client.until('room for streams', () => i < allowed());
    client.send(capsule(Capsule.stream, 2 + 4 * i, 'x'), capsule(Capsule.resetStream, 2 + 4 * i, 0));
  }
  for (let i = 0; i < 20_000; i++) client.send(capsule(Capsule.datagram, Buffer.alloc(100)));
  await echoes(client, 0);
  t.strictSame(sluice.workers(), before);
});
