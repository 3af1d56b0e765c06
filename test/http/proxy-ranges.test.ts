/** Ranges of what comes from an origin: its own affair, unless proxy_force_ranges makes it the proxy's. */
import t from 'tap';
import { startOrigin } from '../support/origin.ts';
import { proxyTo } from './proxying.ts';

const TEXT = 'abcdefghijklmnopqrstuvwxyz'.repeat(4000);

t.test('ranges over a proxy', async (t) => {
  const origin = await startOrigin(t, ({ head, socket }) => {
    if (head.includes('/partial')) {
      socket.write(
        'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-2/26\r\nContent-Length: 2\r\n\r\nbc',
      );
    } else if (head.includes('/chunked')) {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      socket.write(`${TEXT.length.toString(16)}\r\n${TEXT}\r\n0\r\n\r\n`);
    } else {
      socket.write(`HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: ${TEXT.length}\r\n\r\n`);
      // In pieces, so that a range begins in one and ends in another.
      for (let at = 0; at < TEXT.length; at += 10_000)
        setTimeout(() => socket.write(TEXT.slice(at, at + 10_000)), at / 5000);
    }
  });
  const { client } = await proxyTo(t, [origin], {
    server: 'location /forced { proxy_force_ranges on; proxy_pass http://origins; }',
  });
  const ask = async (
    path: string,
    ...fields: string[]
  ): Promise<[status: number, body: string, range: string | undefined]> => {
    const made = client().send([`GET ${path} HTTP/1.1`, 'Host: a', ...fields, '', ''].join('\r\n'));
    const { status, body, headers } = await made.response();
    t.equal(made.received, '', 'nothing is left over');
    const next = await made.send('GET /partial HTTP/1.1\r\nHost: a\r\n\r\n').response();
    t.equal(next.body, 'bc', 'the connection goes on');
    return [status, body, headers.get('content-range')?.[0]];
  };
  t.same(await ask('/partial', 'Range: bytes=1-2'), [206, 'bc', 'bytes 1-2/26']);
  t.match(origin.heads[0], /^Range: bytes=1-2$/m, 'the origin is asked for it');
  t.same(await ask('/whole', 'Range: bytes=1-2'), [200, TEXT, undefined], 'an origin may ignore it');
  const size = TEXT.length;
  t.same(await ask('/forced', 'Range: bytes=9990-10009'), [
    206,
    TEXT.slice(9990, 10_010),
    `bytes 9990-10009/${size}`,
  ]);
  t.same(await ask('/forced', 'Range: bytes=-5'), [206, 'vwxyz', `bytes ${size - 5}-${size - 1}/${size}`]);
  t.same((await ask('/forced', `Range: bytes=${size}-`)).slice(0, 1), [416]);
  t.same(await ask('/forced', 'Range: bytes=1-2', 'If-Range: "e"'), [206, 'bc', `bytes 1-2/${size}`]);
  t.same(await ask('/forced', 'Range: bytes=1-2', 'If-Range: "f"'), [200, TEXT, undefined]);
  t.same(
    await ask('/forced/chunked', 'Range: bytes=1-2'),
    [200, TEXT, undefined],
    'an unknown length has no ranges',
  );
});
