import t from 'tap';
import { startOrigin } from '../support/origin.ts';
import { RawClient } from '../support/raw-client.ts';
import { serve } from './serving.ts';

const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nX-Accel-Limit-Rate: 1\r\n\r\n';
const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

t.test('103 goes on to who is to have it', async (t) => {
  const origin = await startOrigin(t, ({ head, socket }) => {
    if (head.startsWith('GET /only')) socket.end(HINTS);
    else if (head.startsWith('GET /many')) socket.write(HINTS.repeat(90) + ANSWER);
    else if (head.startsWith('GET /processing')) socket.write(`HTTP/1.1 102 Processing\r\n\r\n${ANSWER}`);
    else socket.write(HINTS + ANSWER);
  });
  const { answer, port } = await serve(
    t,
    `map $http_wants $wants { yes 1; }
    server { listen LISTEN;
      early_hints 0 $wants;
      proxy_hide_header X-Hidden;
      location / { proxy_pass http://127.0.0.1:${origin.port}; }
      location /off/ { early_hints 0 ""; proxy_pass http://127.0.0.1:${origin.port}; }
    }`,
  );
  const passed = /^HTTP\/1.1 103 Early Hints\r\nLink: <\/style.css>; rel=preload\r\n\r\nHTTP\/1.1 200 OK\r\n/;
  t.match(await answer('/', 'wants: yes'), passed, 'with its fields, but for what never goes on');
  t.match(await answer('/'), /^HTTP\/1.1 200 OK\r\n/, 'no condition holds');
  t.match(await answer('/off/', 'wants: yes'), /^HTTP\/1.1 200 OK\r\n/, 'a location of its own mind');
  t.match(await answer('/processing', 'wants: yes'), /^HTTP\/1.1 200 OK\r\n/, '102 is for the proxy alone');
  t.match(await answer('/only', 'wants: yes'), /^HTTP\/1.1 103 [\s\S]*HTTP\/1.1 502 /, 'nothing came after');
  const hints = (await answer('/many', 'wants: yes')).match(/103 Early Hints/g);
  t.ok(hints && hints.length < 90 && hints.length > 60, 'no more than proxy_buffer_size of them');

  const old = new RawClient(port);
  old.send('GET / HTTP/1.0\r\nWants: yes\r\n\r\n');
  t.match(await old.end(), /^HTTP\/1.1 200 OK\r\n/, 'HTTP/1.0 knows no interim responses');
});
