import t from 'tap';
import { frame, number, TYPE } from '../upstream/h2-origin.ts';
import { ERROR, FrameClient, PRIORITY_UPDATE, request } from './frame-client.ts';
import { startHttp2 } from './http2.ts';

const WINDOW = 65_535;
const FILE = 'x'.repeat(200_000);
/** Streams' windows are no limit. */
const LARGE_WINDOWS = Buffer.from([0, 4, 0x7f, 0xff, 0xff, 0xff]);

const update = (stream: number, value: string): Buffer =>
  frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([number(stream), Buffer.from(value)]));

/** Bytes of bodies by stream, of what has come since the last call. */
async function next(client: FrameClient, total: number): Promise<Map<number, number>> {
  const bytes = new Map<number, number>();
  let sum = 0;
  const seen = new Set(client.frames.filter(({ type }) => type === TYPE.data));
  client.send(frame(TYPE.window, 0, 0, number(total)));
  while (sum < total) {
    const found = await client.find((each) => each.type === TYPE.data && !seen.has(each));
    seen.add(found);
    sum += found.payload.length;
    bytes.set(found.stream, (bytes.get(found.stream) ?? 0) + found.payload.length);
  }
  return bytes;
}

/** All streams have sent their heads, and the connection's window is used up. */
async function stalled(client: FrameClient, streams: readonly number[]): Promise<void> {
  for (const stream of streams) {
    await client.find((each) => each.type === TYPE.headers && each.stream === stream);
  }
  const sum = (): number =>
    client.frames
      .filter(({ type }) => type === TYPE.data)
      .reduce((all, { payload }) => all + payload.length, 0);
  await client.find(() => sum() >= WINDOW);
}

t.test('the more urgent response first, as the Priority field says', async (t) => {
  const { port } = await startHttp2(t, 'root .;', { files: { file: FILE } });
  const client = new FrameClient(t, port, LARGE_WINDOWS);
  client.send(
    request(1, '/file', [['priority', 'u=5']]),
    request(3, '/file', [['priority', 'u=1']]),
    request(5, '/file'),
  );
  await stalled(client, [1, 3, 5]);
  t.same([...(await next(client, 50_000)).keys()], [3]);
  client.send(update(1, 'u=0'));
  t.same([...(await next(client, 50_000)).keys()], [1], 'as PRIORITY_UPDATE says it later');
});

t.test('a PRIORITY_UPDATE may come before its stream', async (t) => {
  const { port } = await startHttp2(t, 'root .;', { files: { file: FILE } });
  const client = new FrameClient(t, port, LARGE_WINDOWS);
  client.send(
    update(3, 'u=0'),
    request(1, '/file', [['priority', 'u=1']]),
    request(3, '/file', [['priority', 'u=7']]),
  );
  await stalled(client, [1, 3]);
  t.same([...(await next(client, 50_000)).keys()], [3]);
});

t.test('incremental responses of one urgency take turns; others come one after the other', async (t) => {
  const { port } = await startHttp2(t, 'root .;', { files: { file: FILE } });
  for (const [value, shared] of [
    ['u=2, i', true],
    ['u=2', false],
  ] as const) {
    const client = new FrameClient(t, port, LARGE_WINDOWS);
    client.send(...[1, 3].map((stream) => request(stream, '/file', [['priority', value]])));
    await stalled(client, [1, 3]);
    const bytes = await next(client, 64_000);
    t.equal(bytes.size, shared ? 2 : 1, value);
    if (shared) t.ok(Math.abs((bytes.get(1) ?? 0) - (bytes.get(3) ?? 0)) <= 16_384, 'fairly');
  }
});

t.test('who answers may say how urgent it is', async (t) => {
  const { port } = await startHttp2(t, 'root .; location /now/ { alias ./; add_header Priority "u=0"; }', {
    files: { file: FILE },
  });
  const client = new FrameClient(t, port, LARGE_WINDOWS);
  client.send(request(1, '/file'), request(3, '/now/file', [['priority', 'u=6']]));
  await stalled(client, [1, 3]);
  t.same([...(await next(client, 50_000)).keys()], [3]);
});

/** RFC 7540 section 6.3. */
const dependsOn = (stream: number, on: number, weight = 16, exclusive = false): Buffer =>
  frame(2, 0, stream, Buffer.concat([number((exclusive ? 2 ** 31 : 0) + on), Buffer.from([weight - 1])]));

t.test('dependencies and weights of older clients, as PRIORITY frames say them', async (t) => {
  const { port } = await startHttp2(t, 'root .;', { files: { file: FILE } });
  const first = async (
    what: string,
    streams: readonly number[],
    expected: number,
    ...said: Buffer[]
  ): Promise<void> => {
    const client = new FrameClient(t, port, LARGE_WINDOWS);
    client.send(...streams.map((stream) => request(stream, '/file')));
    await stalled(client, streams);
    client.send(...said);
    t.same([...(await next(client, 50_000)).keys()], [expected], what);
  };
  await first('the weightier one', [1, 3], 3, dependsOn(1, 0, 8), dependsOn(3, 0, 200));
  await first('what others depend on', [1, 3], 3, dependsOn(1, 3, 256));
  await first(
    'a group that nobody opens',
    [1, 3, 5],
    5,
    dependsOn(101, 0, 201),
    dependsOn(5, 101),
    dependsOn(103, 0, 1),
    dependsOn(1, 103),
    dependsOn(3, 103),
  );
  await first('exclusively', [1, 3, 5], 5, dependsOn(1, 0), dependsOn(3, 0, 256), dependsOn(5, 0, 1, true));
  await first('no rings', [1, 3, 5], 5, dependsOn(3, 1), dependsOn(5, 3), dependsOn(1, 5));
});

t.test('RFC 9218 knows better, and a client may have said that it has no dependencies', async (t) => {
  const { port } = await startHttp2(t, 'root .;', { files: { file: FILE } });
  const urgent = new FrameClient(t, port, LARGE_WINDOWS);
  urgent.send(
    dependsOn(1, 0, 256),
    request(1, '/file', [['priority', 'u=6']]),
    request(3, '/file', [['priority', 'u=5']]),
  );
  await stalled(urgent, [1, 3]);
  t.same([...(await next(urgent, 50_000)).keys()], [3]);

  const settings = Buffer.concat([LARGE_WINDOWS, Buffer.from([0, 9, 0, 0, 0, 1])]);
  const without = new FrameClient(t, port, settings);
  without.send(dependsOn(1, 0, 1), dependsOn(3, 0, 256), request(1, '/file'), request(3, '/file'));
  await stalled(without, [1, 3]);
  t.same([...(await next(without, 50_000)).keys()], [1]);
});

t.test('a stream that depends on itself ends the connection; a tree too large is cut', async (t) => {
  const { port } = await startHttp2(t, 'root .;', { files: { file: FILE } });
  const client = new FrameClient(t, port, LARGE_WINDOWS);
  client.send(...Array.from({ length: 500 }, (_, i) => dependsOn(2 * i + 3, 2 * i + 1)));
  client.send(request(1, '/file'));
  await client.find(({ type, stream }) => type === TYPE.data && stream === 1);
  const frame = dependsOn(5, 5);
  // In pieces, as the network has them.
  for (const byte of frame) client.send(Buffer.from([byte]));
  t.equal(await client.goaway(), ERROR.protocol);
});
