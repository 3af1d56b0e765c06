import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http2';
import t from 'tap';
import { startOrigin } from '../support/origin.ts';
import { startH2Origin } from '../upstream/h2-origin.ts';
import { startHttp2 } from './http2.ts';

const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nX-Hidden: 1\r\n\r\n';
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

t.test('103 goes on, from an upstream of either version, before the answer and without an end', async (t) => {
  const old = await startOrigin(t, ({ socket }) => socket.write(HINTS + HINTS + ANSWER));
  const young = await startH2Origin(t, (stream) => {
    for (let i = 0; i < 2; i++) {
      stream.additionalHeaders({ ':status': 103, link: '</style.css>; rel=preload', 'x-hidden': '1' });
    }
    stream.respond({ ':status': 200 });
    stream.end('ok');
  });
  const { connect, connectSecurely } = await startHttp2(
    t,
    `early_hints 1; proxy_hide_header X-Hidden;
     location /1 { proxy_http_version 1.1; proxy_pass http://127.0.0.1:${old.port}; }
     location /2 { proxy_http_version 2; proxy_pass http://127.0.0.1:${young.port}; }
     location /off { early_hints 0; proxy_http_version 2; proxy_pass http://127.0.0.1:${young.port}; }`,
  );
  for (const session of [connect(), connectSecurely()]) {
    for (const [path, count] of [
      ['/1', 2],
      ['/2', 2],
      ['/off', 0],
    ] as const) {
      const stream = session.request({ ':path': path });
      const hints: IncomingHttpHeaders[] = [];
      stream.on('headers', (fields) => hints.push(fields));
      const [answer] = await once(stream, 'response');
      let body = '';
      for await (const piece of stream) body += piece;
      t.match(answer, { ':status': 200 });
      t.equal(body, 'ok');
      t.equal(hints.length, count, path);
      for (const each of hints) {
        t.match(each, { ':status': 103, link: '</style.css>; rel=preload' });
        for (const name of ['x-hidden', 'date', 'server']) t.notHas(each, name);
      }
    }
  }
});
