import t from 'tap';
import { respondWith, startOrigin } from '../support/origin.ts';
import { RawClient } from '../support/raw-client.ts';
import { serve } from './serving.ts';

t.test('the URI of proxy_pass replaces the part that the location names', async (t) => {
  const origin = await startOrigin(t, respondWith('x'));
  const { body } = await serve(
    t,
    `server { listen LISTEN;
      location / { proxy_pass http://127.0.0.1:${origin.port}; }
      location /a/ { proxy_pass http://127.0.0.1:${origin.port}/b/; }
      location = /exact { proxy_pass http://127.0.0.1:${origin.port}/other; }
      location ~ ^/expr { proxy_pass http://127.0.0.1:${origin.port}; }
      location /var/ { proxy_pass http://127.0.0.1:${origin.port}/v$is_args$args; }
      location /host/ { proxy_pass http://127.0.0.1:${origin.port}$request_uri; }
      location /rewritten/ { rewrite ^/rewritten/(.*) /to/$1 break; proxy_pass http://127.0.0.1:${origin.port}/gone/; }
    }`,
  );
  const passed = async (target: string): Promise<string | undefined> => {
    await body(target);
    return origin.heads.at(-1)?.split(' ')[1];
  };
  t.equal(await passed('/x%20y//../z?q=%41'), '/x%20y//../z?q=%41', 'as it came');
  t.equal(await passed('/a/x%20y?q'), '/b/x%20y?q');
  t.equal(await passed('/exact?q'), '/other?q');
  t.equal(await passed('/expr%41'), '/expr%41');
  t.equal(await passed('/var/x?q=1'), '/v?q=1', 'with variables, what they say');
  t.equal(await passed('/host/x?q'), '/host/x?q');
  t.equal(await passed('/rewritten/x'), '/to/x', 'a rewritten URI has no location');
});

t.test('fields of one connection stay on it; Host is the upstream', async (t) => {
  const origin = await startOrigin(t, respondWith('x'));
  const { body, port } = await serve(
    t,
    `upstream group { server 127.0.0.1:${origin.port}; }
    server { listen LISTEN;
      location / { proxy_pass http://group; proxy_set_header X-Empty ""; proxy_set_header X-Set $remote_addr; }
      location /1.0 { proxy_pass http://127.0.0.1:${origin.port}; proxy_http_version 1.0; proxy_set_header Host $http_host; }
      location /body { proxy_pass http://group; proxy_set_body "b=$arg_b"; proxy_method PUT; }
    }`,
  );
  const fields = ['TE: trailers', 'Keep-Alive: x', 'Upgrade: y', 'X-Empty: 1', 'X-Set: 2', 'X-Other: 3'];
  await body('/', ...fields);
  t.equal(origin.heads[0], 'GET / HTTP/1.1\r\nHost: group\r\nX-Set: 127.0.0.1\r\nX-Other: 3');
  await body('/1.0');
  t.equal(origin.heads[1], `GET /1.0 HTTP/1.0\r\nHost: localhost`);
  await body('/body?b=1');
  t.equal(origin.heads[2], 'PUT /body?b=1 HTTP/1.1\r\nHost: group\r\nContent-Length: 3');
  const client = new RawClient(port);
  t.teardown(() => client.close());
  client.send('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n');
  await client.response();
  t.match(origin.heads[3], /\r\nContent-Length: 5$/m, 'a body that was read whole has a length');
});

t.test('the answer is rewritten for the client', async (t) => {
  const origin = await startOrigin(
    t,
    respondWith('x', [
      'Location: http://up/inner/x',
      'Server: secret',
      'X-Hidden: 1',
      'X-Accel-Expires: 5',
      'Set-Cookie: a=b; Domain=up; Path=/inner/; HttpOnly',
      'Set-Cookie: c=d',
    ]),
  );
  const { answer } = await serve(
    t,
    `server { listen LISTEN;
      location / {
        proxy_pass http://127.0.0.1:${origin.port};
        proxy_redirect http://up/inner/ /outer/;
        proxy_cookie_domain up out.example;
        proxy_cookie_path /inner/ /outer/;
        proxy_cookie_flags a secure nohttponly samesite=lax;
        proxy_hide_header X-Hidden;
      }
    }`,
  );
  const text = await answer('/');
  t.match(text, /\r\nLocation: http:\/\/localhost:\d+\/outer\/x\r\n/);
  t.match(text, /\r\nSet-Cookie: a=b; Domain=out\.example; Path=\/outer\/; Secure; SameSite=Lax\r\n/);
  t.match(text, /\r\nSet-Cookie: c=d\r\n/, 'another cookie stays as it is');
  t.notMatch(text, /secret|X-Hidden|X-Accel/);
});

t.test('X-Accel-Redirect answers with what it names', async (t) => {
  const origin = await startOrigin(
    t,
    respondWith('', ['X-Accel-Redirect: /file?a=1', 'Set-Cookie: a=b', 'Content-Type: text/x', 'X-Lost: 1']),
  );
  const { answer } = await serve(
    t,
    `server { listen LISTEN;
      location / { proxy_pass http://127.0.0.1:${origin.port}; }
      location /file { internal; return 200 "file $args $upstream_http_x_lost"; }
    }`,
  );
  const text = await answer('/');
  t.match(text, /\r\nSet-Cookie: a=b\r\n/);
  t.match(text, /\r\nContent-Type: text\/x\r\n/);
  t.notMatch(text, /X-Lost/);
  t.match(text, /file a=1 1$/);
  t.match(await answer('/file'), /404 Not Found/);
});

t.test('an upstream that breaks its protocol is a bad gateway', async (t) => {
  const answers: Record<string, string> = {
    '/both': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx',
    '/twice': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
    '/unknown': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx',
    '/field': 'HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\nx',
    '/large': `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(8000)}\r\n\r\n`,
    '/nothing': '',
  };
  const origin = await startOrigin(t, ({ head, socket }) =>
    socket.end(answers[head.split(' ')[1] ?? ''] ?? ''),
  );
  const { answer, sluice } = await serve(
    t,
    `server { listen LISTEN; location / { proxy_pass http://127.0.0.1:${origin.port}; } }`,
  );
  for (const target of Object.keys(answers)) t.match(await answer(target), /^HTTP\/1.1 502 /, target);
  const log = sluice.errorLog();
  t.match(
    log,
    /upstream sent "Content-Length" and "Transfer-Encoding" headers at the same time while reading response header/,
  );
  t.match(log, /upstream sent too big header/);
  t.match(log, /upstream prematurely closed connection while reading response header from upstream/);
});

t.test('a body that ends too early is not passed off as whole', async (t) => {
  const origin = await startOrigin(t, ({ head, socket }) => {
    const chunked = head.startsWith('GET /chunked');
    socket.end(
      chunked
        ? 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'
        : 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello',
    );
  });
  const { answer } = await serve(
    t,
    `server { listen LISTEN; location / { proxy_pass http://127.0.0.1:${origin.port}; } }`,
  );
  t.match(await answer('/length'), /\r\nContent-Length: 10\r\n.*\r\n\r\nhello$/s);
  t.match(await answer('/chunked'), /\r\n\r\n5\r\nhello\r\n$/, 'without the last chunk');
});

t.test('bytes go both ways after a 101, those sent ahead included', async (t) => {
  const origin = await startOrigin(t, ({ socket }) => {
    socket.removeAllListeners('data');
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nready ');
    socket.on('data', (data) => socket.write(data));
  });
  const { port } = await serve(
    t,
    `server { listen LISTEN;
      location / {
        proxy_pass http://127.0.0.1:${origin.port};
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection Upgrade;
      }
    }`,
  );
  const client = new RawClient(port);
  t.teardown(() => client.close());
  client.send('GET / HTTP/1.1\r\nHost: x\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\nahead');
  t.equal((await client.response()).status, 101);
  client.send(' later');
  const { eventually } = await import('../support/eventually.ts');
  await eventually('the echo', () => client.received === 'ready ahead later');
  t.pass();
});
