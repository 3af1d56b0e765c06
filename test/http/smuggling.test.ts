/** Requests that two readers could understand differently: refused, and nothing of them reaches an origin. */
import t from 'tap';
import { respondWith, startOrigin } from '../support/origin.ts';
import { proxyTo } from './proxying.ts';

const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

interface Attempt {
  readonly name: string;
  /** What stands between the host and the end of the head, and what follows. */
  readonly fields: string;
  readonly body: string;
  readonly status?: number;
}

const heads: readonly Attempt[] = [
  { name: 'CL.TE', fields: `Content-Length: 6\r\n${CHUNKED}`, body: `0\r\n\r\n${SMUGGLED}` },
  { name: 'TE.CL', fields: `${CHUNKED}Content-Length: 4\r\n`, body: `0\r\n\r\n${SMUGGLED}` },
  { name: 'two lengths', fields: 'Content-Length: 0\r\nContent-Length: 5\r\n', body: SMUGGLED },
  {
    name: 'two equal lengths',
    fields: 'Content-Length: 5\r\nContent-Length: 5\r\n',
    body: `hello${SMUGGLED}`,
  },
  { name: 'a list of lengths', fields: 'Content-Length: 5, 5\r\n', body: `hello${SMUGGLED}` },
  { name: 'a signed length', fields: 'Content-Length: +5\r\n', body: `hello${SMUGGLED}` },
  { name: 'a negative length', fields: 'Content-Length: -1\r\n', body: SMUGGLED },
  { name: 'a hexadecimal length', fields: 'Content-Length: 0x5\r\n', body: `hello${SMUGGLED}` },
  { name: 'an empty length', fields: 'Content-Length: \r\n', body: SMUGGLED },
  {
    name: 'a length beyond 64 bits',
    fields: 'Content-Length: 18446744073709551621\r\n',
    body: `hello${SMUGGLED}`,
  },
  { name: 'a length with a space', fields: 'Content-Length: 1 0\r\n', body: SMUGGLED },
  { name: 'two codings', fields: `${CHUNKED}${CHUNKED}`, body: `0\r\n\r\n${SMUGGLED}` },
  { name: 'chunked, then identity', fields: `${CHUNKED}Transfer-Encoding: identity\r\n`, body: SMUGGLED },
  { name: 'a list of codings', fields: 'Transfer-Encoding: gzip, chunked\r\n', body: SMUGGLED, status: 501 },
  {
    name: 'chunked twice in a list',
    fields: 'Transfer-Encoding: chunked, chunked\r\n',
    body: SMUGGLED,
    status: 501,
  },
  { name: 'an unknown coding', fields: 'Transfer-Encoding: xchunked\r\n', body: SMUGGLED, status: 501 },
  { name: 'identity', fields: 'Transfer-Encoding: identity\r\n', body: SMUGGLED, status: 501 },
  {
    name: 'a coding with a parameter',
    fields: 'Transfer-Encoding: chunked;q=1\r\n',
    body: SMUGGLED,
    status: 501,
  },
  { name: 'a quoted coding', fields: 'Transfer-Encoding: "chunked"\r\n', body: SMUGGLED, status: 501 },
  {
    name: 'a vertical tab before the coding',
    fields: 'Transfer-Encoding: \vchunked\r\n',
    body: SMUGGLED,
    status: 501,
  },
  {
    name: 'a space before the colon',
    fields: 'Transfer-Encoding : chunked\r\n',
    body: `0\r\n\r\n${SMUGGLED}`,
  },
  { name: 'a tab before the colon', fields: 'Content-Length\t: 5\r\n', body: `hello${SMUGGLED}` },
  { name: 'a folded line', fields: 'Transfer-Encoding:\r\n chunked\r\n', body: `0\r\n\r\n${SMUGGLED}` },
  { name: 'a folded name', fields: 'X: y\r\n Content-Length: 5\r\n', body: `hello${SMUGGLED}` },
  { name: 'a bare CR in a value', fields: 'X: y\rContent-Length: 5\r\n', body: `hello${SMUGGLED}` },
  { name: 'a bare CR before a line', fields: '\rContent-Length: 5\r\n', body: `hello${SMUGGLED}` },
  { name: 'a NUL in a value', fields: 'X: a\0b\r\n', body: SMUGGLED },
  { name: 'a NUL in a name', fields: 'X\0Y: b\r\n', body: SMUGGLED },
  { name: 'two hosts', fields: 'Host: b\r\n', body: SMUGGLED },
];

const bodies: readonly Attempt[] = [
  { name: 'an empty size', fields: CHUNKED, body: `\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a signed size', fields: CHUNKED, body: `+5\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a size with 0x', fields: CHUNKED, body: `0x5\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  {
    name: 'a size beyond 63 bits',
    fields: CHUNKED,
    body: `ffffffffffffffff\r\nhello\r\n0\r\n\r\n${SMUGGLED}`,
  },
  {
    name: 'a size of 17 digits',
    fields: CHUNKED,
    body: `00000000000000005\r\nhello\r\n0\r\n\r\n${SMUGGLED}`,
  },
  { name: 'a size ended by LF', fields: CHUNKED, body: `5\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a size ended by CR', fields: CHUNKED, body: `5\rhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'LF within an extension', fields: CHUNKED, body: `5;a\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'CR within an extension', fields: CHUNKED, body: `5;a\rb\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a space before a size', fields: CHUNKED, body: ` 5\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a chunk longer than said', fields: CHUNKED, body: `4\r\nhello\r\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a chunk ended by LF', fields: CHUNKED, body: `5\r\nhello\n0\r\n\r\n${SMUGGLED}` },
  { name: 'a chunk ended by two octets', fields: CHUNKED, body: `5\r\nhelloXX0\r\n\r\n${SMUGGLED}` },
  { name: 'an endless extension', fields: CHUNKED, body: `5;${'a'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n` },
  { name: 'trailers ended by LF', fields: CHUNKED, body: `0\r\nX: y\n\r\n${SMUGGLED}` },
  { name: 'an end by LF', fields: CHUNKED, body: `0\r\n\n${SMUGGLED}` },
];

const closing = /^HTTP\/1\.1 \d+ [^\r]*\r\n(?:[^\r]+\r\n)*Connection: close\r\n/;

for (const { buffering, cut } of [
  { buffering: 'on', cut: 0 },
  { buffering: 'off', cut: 0 },
  { buffering: 'on', cut: 1 },
]) {
  t.test(`proxy_request_buffering ${buffering}, ${cut ? 'octet by octet' : 'at once'}`, async (t) => {
    const origin = await startOrigin(t, respondWith('origin'));
    const { client } = await proxyTo(t, [origin], {
      location: `proxy_request_buffering ${buffering}; proxy_http_version 1.1;`,
    });
    const attempts = [...heads, ...(buffering === 'on' ? bodies : [])];
    const answers = attempts.map(async ({ fields, body, status = 400 }) => {
      const made = client();
      const bytes = `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
      if (cut && bytes.length < 1000) {
        for (const octet of bytes) {
          made.send(octet);
          await new Promise(setImmediate);
        }
      } else {
        made.send(bytes);
      }
      return { status, answer: await made.end() };
    });
    for (const [i, { status, answer }] of (await Promise.all(answers)).entries()) {
      const { name } = attempts[i]!;
      t.ok(answer.startsWith(`HTTP/1.1 ${status} `), `${name}: ${status}`, { answer });
      t.match(answer, closing, `${name}: the connection closes`);
      t.equal(answer.split('HTTP/1.1 ').length, 2, `${name}: there is one answer`);
    }
    t.same(origin.heads, [], 'nothing has reached the origin');
  });
}

t.test('a malformed body that is streamed: its origin is left, the rest is nobody’s request', async (t) => {
  const origin = await startOrigin(t, () => undefined);
  const { client } = await proxyTo(t, [origin], { location: 'proxy_request_buffering off;' });
  for (const { name, fields, body } of bodies) {
    const before = origin.heads.length;
    const answer = await client()
      .send(`POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n3\r\nabc\r\n${body}`)
      .end();
    t.match(answer, /^(HTTP\/1\.1 400 |$)/, name);
    t.ok(origin.heads.length <= before + 1, `${name}: at most the first request reaches the origin`);
  }
  t.notOk(origin.heads.some((head) => head.includes('smuggled')));
});

t.test('what is written differently means the same to both', async (t) => {
  const seen: string[] = [];
  const origin = await startOrigin(t, ({ head, rest, socket }) => {
    seen.push(`${head}\r\n\r\n${rest}`);
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  });
  const { client } = await proxyTo(t, [origin]);
  const send = async (fields: string, body: string): Promise<string> => {
    const made = client().send(`POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`);
    t.equal((await made.response()).status, 200);
    t.equal((await made.send('GET /next HTTP/1.1\r\nHost: a\r\n\r\n').response()).status, 200);
    t.match(seen.pop(), /^GET \/next HTTP/);
    return seen.pop() ?? '';
  };
  const extended = await send(CHUNKED, '5;a=b\r\nhello\r\n00\r\nContent-Length: 3\r\nX-Trailer: t\r\n\r\n');
  t.match(extended, /\r\nContent-Length: 5\r\n(.*\r\n)*\r\nhello$/, 'the body has one length');
  t.notMatch(extended, /Transfer-Encoding|X-Trailer|Content-Length: 3/);
  t.match(
    await send('tRANSFER-eNCODING:\tCHUNKED \r\n', '1 \r\nx\r\n0\r\n\r\n'),
    /Content-Length: 1\r\n(.*\r\n)*\r\nx$/,
  );
  t.match(await send('Content-Length: 005\r\n', 'hello'), /Content-Length: 0*5\r\n(.*\r\n)*\r\nhello$/);
  t.match(
    await send('Content-Length: 5\r\r\n', 'hello'),
    /Content-Length: 5\r\n(.*\r\n)*\r\nhello$/,
    'as nginx',
  );
  t.match(
    await send('Connection: keep-alive, Content-Length\r\nContent-Length: 5\r\n', 'hello'),
    /Content-Length: 5\r\n(.*\r\n)*\r\nhello$/,
    'the length is not for the client to have removed',
  );
});
