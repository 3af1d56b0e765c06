// What a client gets wrong after the handshake is told by the code that the RFCs have for it, and ends its connection alone.
import t from 'tap';
import {
  cryptoFrame,
  type Frame,
  FrameType,
  frame,
  newConnectionIdFrame,
  streamFrame,
} from './raw/frames.ts';
import { greeting, H3, h3Frame, headers, parseResponse, request, Stream, settings } from './raw/http.ts';
import { type Close, RawClient } from './raw/raw-client.ts';
import { varint } from './raw/varint.ts';
import { startQuic } from './serving.ts';

const id = Buffer.alloc(8, 7);
/** Of the server's first unidirectional stream. */
const SERVER_CONTROL = 3;
const FAR = 1 << 28;
/** A stream of a type that nobody knows: what it holds is ignored. */
const greased = Buffer.concat([varint(0x21), id]);

type Case = readonly [what: string, code: number, ...frames: readonly Buffer[]];

/** RFC 9000, 20.1. */
const Transport = {
  flowControl: 0x03,
  streamLimit: 0x04,
  streamState: 0x05,
  finalSize: 0x06,
  frameEncoding: 0x07,
  connectionIdLimit: 0x09,
  protocolViolation: 0x0a,
  cryptoBufferExceeded: 0x0d,
  unexpectedMessage: 0x010a,
} as const;

const transportCases: readonly Case[] = [
  ['a frame type that nobody knows', Transport.frameEncoding, frame(0x21)],
  ['a frame type encoded longer than it needs', Transport.frameEncoding, Buffer.from([0x40, 0x01])],
  ['a frame that is cut short', Transport.frameEncoding, Buffer.from([FrameType.crypto, 0, 100])],
  ['HANDSHAKE_DONE of a client', Transport.protocolViolation, frame(FrameType.handshakeDone)],
  ['NEW_TOKEN of a client', Transport.protocolViolation, frame(FrameType.newToken, 1, 1)],
  ['an empty packet', Transport.protocolViolation, Buffer.alloc(0)],
  ['an ACK of what was not sent', Transport.protocolViolation, frame(FrameType.ack, 9999, 0, 0, 0)],
  ['an ACK with a range below nought', Transport.frameEncoding, frame(FrameType.ack, 1, 0, 0, 5)],
  ['more streams than are offered', Transport.streamLimit, streamFrame(4 * 128, id)],
  ['more unidirectional streams than are offered', Transport.streamLimit, streamFrame(2 + 4 * 3, id)],
  ['more bytes than a stream takes', Transport.flowControl, streamFrame(0, id, { offset: FAR })],
  ['bytes on a stream of the server', Transport.streamState, streamFrame(SERVER_CONTROL, id)],
  ['a stream that the server has not opened', Transport.streamState, streamFrame(1, id)],
  ['a window for a stream of the client alone', Transport.streamState, frame(FrameType.maxStreamData, 2, 99)],
  [
    'bytes behind the end of a stream',
    Transport.finalSize,
    streamFrame(2, greased, { end: true }),
    streamFrame(2, greased, { offset: greased.length }),
  ],
  [
    'two ends of a stream',
    Transport.finalSize,
    streamFrame(2, greased, { end: true }),
    frame(FrameType.resetStream, 2, 1, 99),
  ],
  ['an impossible number of streams', Transport.frameEncoding, frame(FrameType.maxStreams, 1n << 61n)],
  ['a connection ID of no length', Transport.frameEncoding, newConnectionIdFrame(1, 0, Buffer.alloc(0))],
  ['a connection ID that is too long', Transport.frameEncoding, newConnectionIdFrame(1, 0, Buffer.alloc(21))],
  [
    'a number for two connection IDs',
    Transport.protocolViolation,
    newConnectionIdFrame(1, 0, id),
    newConnectionIdFrame(1, 0, Buffer.alloc(8)),
  ],
  ['retires the future', Transport.frameEncoding, newConnectionIdFrame(1, 2, id)],
  [
    'more connection IDs than are kept',
    Transport.connectionIdLimit,
    ...[1, 2, 3, 4].map((i) => newConnectionIdFrame(i, 0, Buffer.alloc(8, i))),
  ],
  [
    'retires a connection ID that was not issued',
    Transport.protocolViolation,
    frame(FrameType.retireConnectionId, 9999),
  ],
  ['CRYPTO data far ahead', Transport.cryptoBufferExceeded, cryptoFrame(id, FAR)],
  ['KeyUpdate of TLS', Transport.unexpectedMessage, cryptoFrame(Buffer.from([24, 0, 0, 1, 0]))],
];

/** RFC 9114, 8.1; RFC 9204, 6. */
const Http = {
  streamCreation: 0x103,
  closedCriticalStream: 0x104,
  frameUnexpected: 0x105,
  frame: 0x106,
  excessiveLoad: 0x107,
  id: 0x108,
  settings: 0x109,
  missingSettings: 0x10a,
  requestIncomplete: 0x10d,
  message: 0x10e,
  decompressionFailed: 0x200,
  encoderStream: 0x201,
  decoderStream: 0x202,
} as const;

const control = (...bytes: readonly Buffer[]): Buffer => streamFrame(Stream.control, Buffer.concat(bytes));
const onRequest = (bytes: Buffer, end = true): Buffer => streamFrame(Stream.first, bytes, { end });
const encoder = (bytes: readonly number[]): Buffer => streamFrame(Stream.encoder, Buffer.from([2, ...bytes]));
const decoder = (bytes: readonly number[]): Buffer => streamFrame(Stream.decoder, Buffer.from([3, ...bytes]));
const pairs = (...numbers: readonly number[]): Buffer =>
  Buffer.concat([varint(0), h3Frame(H3.settings, ...numbers.map(varint))]);

const httpCases: readonly Case[] = [
  ['no SETTINGS', Http.missingSettings, control(varint(0), h3Frame(H3.goaway, varint(0)))],
  ['SETTINGS twice', Http.frameUnexpected, control(settings, h3Frame(H3.settings))],
  ['a setting twice', Http.settings, control(pairs(1, 0, 1, 0))],
  ['a setting of HTTP/2', Http.settings, control(pairs(3, 100))],
  ['a setting without a value', Http.frame, control(pairs(6))],
  ['DATA on the control stream', Http.frameUnexpected, control(settings, h3Frame(H3.data, id))],
  ['HEADERS on the control stream', Http.frameUnexpected, control(settings, request('/'))],
  ['a frame of HTTP/2 on the control stream', Http.frameUnexpected, control(settings, h3Frame(0x06, id))],
  [
    'a GOAWAY that says more than a number',
    Http.frame,
    control(settings, h3Frame(H3.goaway, varint(0), varint(0))),
  ],
  ['CANCEL_PUSH of no push', Http.id, control(settings, h3Frame(H3.cancelPush, varint(0)))],
  [
    'the control stream ends',
    Http.closedCriticalStream,
    streamFrame(Stream.control, settings, { end: true }),
  ],
  [
    'the control stream is reset',
    Http.closedCriticalStream,
    greeting,
    frame(FrameType.resetStream, Stream.control, 0x100, settings.length),
  ],
  ['two control streams', Http.streamCreation, greeting, streamFrame(Stream.encoder, settings)],
  ['a push stream', Http.streamCreation, greeting, streamFrame(Stream.encoder, varint(1))],
  ['DATA before HEADERS', Http.frameUnexpected, greeting, onRequest(h3Frame(H3.data, id))],
  ['SETTINGS on a request', Http.frameUnexpected, greeting, onRequest(h3Frame(H3.settings))],
  ['PUSH_PROMISE of a client', Http.frameUnexpected, greeting, onRequest(h3Frame(H3.pushPromise, varint(0)))],
  ['a frame of HTTP/2 on a request', Http.frameUnexpected, greeting, onRequest(h3Frame(0x08, id))],
  [
    'a frame that is cut short',
    Http.frame,
    greeting,
    onRequest(Buffer.concat([request('/'), varint(0), varint(99), id])),
  ],
  ['a request of no HEADERS', Http.requestIncomplete, greeting, onRequest(Buffer.alloc(0))],
  [
    'HEADERS, trailers, trailers',
    Http.frameUnexpected,
    greeting,
    onRequest(Buffer.concat([request('/', [], 'POST'), headers([['x', 'y']]), headers([['x', 'y']])]), false),
  ],
  [
    'DATA behind trailers',
    Http.frameUnexpected,
    greeting,
    onRequest(Buffer.concat([request('/', [], 'POST'), headers([['x', 'y']]), h3Frame(H3.data, id)]), false),
  ],
  [
    'a field section that is none',
    Http.decompressionFailed,
    greeting,
    onRequest(h3Frame(H3.headers, Buffer.from([0, 0, 0xff, 0xff, 0xff]))),
  ],
  [
    'an entry of the static table that it lacks',
    Http.decompressionFailed,
    greeting,
    onRequest(h3Frame(H3.headers, Buffer.from([0, 0, 0xff, 0x7f]))),
  ],
  [
    'an entry of an empty table',
    Http.decompressionFailed,
    greeting,
    onRequest(h3Frame(H3.headers, Buffer.from([0, 0, 0x80]))),
  ],
  ['a table larger than is offered', Http.encoderStream, greeting, encoder([0x3f, 0xff, 0xff, 0x03])],
  ['a copy of an entry that is not there', Http.encoderStream, greeting, encoder([0x3f, 0x81, 0x02, 0x05])],
  [
    'an entry larger than the table',
    Http.encoderStream,
    greeting,
    encoder([0x24, 0x41, 0x61, 0x7f, 0x7f, ...Buffer.alloc(254)]),
  ],
  ['acknowledges a section that refers to no table', Http.decoderStream, greeting, decoder([0x80])],
  ['acknowledges insertions that were not made', Http.decoderStream, greeting, decoder([0x01])],
];

for (const [by, cases] of [
  ['transport', transportCases],
  ['application', httpCases],
] as const) {
  t.test(`errors of a client, by the ${by}'s codes`, async (t) => {
    const { port, get, sluice } = await startQuic(t, 'server { LISTEN; return 200; }');
    const outcomes = await Promise.all(
      cases.map(async ([what, code, ...frames]): Promise<[string, Close | string, Close]> => {
        const client = await RawClient.connect(t, port);
        for (const each of frames) client.send(each);
        return [what, await client.closed().catch(String), { by, code }];
      }),
    );
    for (const [what, close, expected] of outcomes) t.strictSame(close, expected, what);
    t.strictSame((await get('/')).statuses, [200], 'others are served');
    t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
  });
}

const SHORT_BODY = 'a body shorter than its length';
/** What is wrong with a request alone ends its stream, or is answered. */
const streamCases: readonly (readonly [what: string, fields: Parameters<typeof headers>[0]])[] = [
  [
    'no method',
    [
      [':scheme', 'https'],
      [':authority', 'a'],
      [':path', '/'],
    ],
  ],
  [
    'two paths',
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'a'],
      [':path', '/'],
      [':path', '/'],
    ],
  ],
  [
    'a pseudo-header field behind others',
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'a'],
      ['x', 'y'],
      [':path', '/'],
    ],
  ],
  [
    'a pseudo-header field that nobody knows',
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'a'],
      [':path', '/'],
      [':z', '/'],
    ],
  ],
  [
    'an upper-case name',
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'a'],
      [':path', '/'],
      ['X', 'y'],
    ],
  ],
  [
    'a line feed in a value',
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'a'],
      [':path', '/'],
      ['x', 'y\nz: a'],
    ],
  ],
  [
    'a field of the connection',
    [
      [':method', 'GET'],
      [':scheme', 'https'],
      [':authority', 'a'],
      [':path', '/'],
      ['transfer-encoding', 'chunked'],
    ],
  ],
  [
    SHORT_BODY,
    [
      [':method', 'POST'],
      [':scheme', 'https'],
      [':authority', 'a'],
      [':path', '/'],
      ['content-length', '5'],
    ],
  ],
];

t.test('a malformed request gets 400, or its stream is reset, and its connection goes on', async (t) => {
  const { port, sluice } = await startQuic(
    t,
    'server { LISTEN; client_max_body_size 1k; location / { proxy_pass http://127.0.0.1:9; } location /ok { return 200; } }',
  );
  const client = await RawClient.connect(t, port);
  client.send(greeting);
  for (const [i, [what, fields]] of streamCases.entries()) {
    const stream = i * 4;
    client.send(streamFrame(stream, headers(fields), { end: true }));
    const reset = (): Frame | undefined =>
      client.of(FrameType.resetStream).find(({ numbers }) => numbers[0] === stream);
    await client.until(what, () => client.received(stream).ended || reset() !== undefined);
    const answer = parseResponse(client.received(stream).bytes).statuses[0] ?? reset()?.numbers[1];
    t.equal(answer, what === SHORT_BODY ? Http.message : 400, what);
  }
  const last = streamCases.length * 4;
  client.send(streamFrame(last, request('/ok'), { end: true }));
  await client.until('a response', () => client.received(last).ended);
  t.strictSame(parseResponse(client.received(last).bytes).statuses, [200], 'the connection goes on');
  t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});
