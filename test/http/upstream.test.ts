import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { freePort } from '../support/free-port.ts';
import { respondWith, startOrigin } from '../support/origin.ts';
import { RawClient } from '../support/raw-client.ts';
import { serve } from './serving.ts';

t.test('connections to an upstream are used again', async (t) => {
  const origin = await startOrigin(t, respondWith('x'));
  const { body } = await serve(
    t,
    `upstream kept { server 127.0.0.1:${origin.port}; }
    upstream not { server 127.0.0.1:${origin.port}; keepalive 0; }
    upstream few { server 127.0.0.1:${origin.port}; keepalive_requests 2; }
    server { listen LISTEN;
      location / { proxy_pass http://kept; }
      location /not { proxy_pass http://not; }
      location /few { proxy_pass http://few; }
      location /alone { proxy_pass http://127.0.0.1:${origin.port}; }
    }`,
  );
  const connectionsFor = async (target: string): Promise<number> => {
    const before = origin.connections;
    for (let i = 0; i < 4; i++) await body(target);
    return origin.connections - before;
  };
  t.equal(await connectionsFor('/'), 1, 'by default');
  t.equal(await connectionsFor('/not'), 4);
  t.equal(await connectionsFor('/few'), 2);
  t.equal(await connectionsFor('/alone'), 4, 'an address is not a group');
});

t.test('a connection that went stale costs no error', async (t) => {
  const origin = await startOrigin(t, (request) => {
    respondWith('x')(request);
    // the next request meets a closed connection
    request.socket.once('data', () => request.socket.destroy());
  });
  const { answer } = await serve(
    t,
    `upstream kept { server 127.0.0.1:${origin.port}; } server { listen LISTEN; location / { proxy_pass http://kept; } }`,
  );
  for (let i = 0; i < 3; i++) t.match(await answer('/'), /^HTTP\/1.1 200 /);
});

t.test('weights share out requests, and a dead peer is left alone for a while', async (t) => {
  const heavy = await startOrigin(t, respondWith('heavy'));
  const light = await startOrigin(t, respondWith('light'));
  const dead = await freePort();
  const { body, sluice } = await serve(
    t,
    `upstream weighted { server 127.0.0.1:${heavy.port} weight=3; server 127.0.0.1:${light.port}; }
    upstream ailing { server 127.0.0.1:${dead}; server 127.0.0.1:${light.port}; }
    upstream spare { server 127.0.0.1:${dead}; server 127.0.0.1:${heavy.port} backup; }
    server { listen LISTEN;
      location / { proxy_pass http://weighted; }
      location /ailing { proxy_pass http://ailing; add_header X-Tried $upstream_addr; }
      location /spare { proxy_pass http://spare; }
    }`,
  );
  const answers: string[] = [];
  for (let i = 0; i < 8; i++) answers.push(await body('/'));
  t.equal(answers.filter((each) => each === 'heavy').length, 6);
  t.same(answers.slice(0, 4), ['heavy', 'heavy', 'light', 'heavy'], 'smoothly');
  for (let i = 0; i < 6; i++) t.equal(await body('/ailing'), 'light');
  t.equal(sluice.errorLog().match(/Connection refused/g)?.length, 1, 'the dead one was asked once');
  t.match(sluice.errorLog(), /upstream server temporarily disabled while connecting to upstream/);
  t.equal(await body('/spare'), 'heavy', 'a backup stands in');
});

t.test('another peer is asked only for what may be repeated', async (t) => {
  const failing = await startOrigin(t, ({ socket }) => socket.destroy());
  const well = await startOrigin(t, respondWith('well'));
  const { answer, port } = await serve(
    t,
    `upstream u { server 127.0.0.1:${failing.port} max_fails=0 weight=100; server 127.0.0.1:${well.port}; }
    server { listen LISTEN;
      location / { proxy_pass http://u; add_header X-Status $upstream_status always; }
    }`,
  );
  const text = await answer('/');
  t.match(text, /^HTTP\/1.1 200 .*\r\nX-Status: 502, 200\r\n/s);
  const client = new RawClient(port);
  t.teardown(() => client.close());
  client.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx');
  t.equal((await client.response()).status, 502, 'a POST may have had its effect');
});

t.test('time-outs end what hangs, with 504', async (t) => {
  const silent = await startOrigin(t, () => undefined);
  const { answer, sluice } = await serve(
    t,
    `server { listen LISTEN; location / { proxy_pass http://127.0.0.1:${silent.port}; proxy_read_timeout 100ms; } }`,
  );
  t.match(await answer('/'), /^HTTP\/1.1 504 Gateway Time-out\r\n/);
  t.match(
    sluice.errorLog(),
    /upstream timed out \(110: Connection timed out\) while reading response header from upstream/,
  );
});

t.test('large bodies arrive whole, however slow the client', async (t) => {
  const bytes = Buffer.alloc(6 * 1024 * 1024);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7919) >> 3;
  const digest = createHash('sha256').update(bytes).digest('hex');
  const origin = await startOrigin(t, ({ head, socket }) => {
    const length = head.includes('/close') ? '' : `Content-Length: ${bytes.length}\r\n`;
    socket.write(`HTTP/1.1 200 OK\r\n${length}\r\n`);
    socket.end(bytes);
  });
  const { port } = await serve(
    t,
    `server { listen LISTEN; proxy_temp_path temp;
      location / { proxy_pass http://127.0.0.1:${origin.port}; }
      location /memory { proxy_max_temp_file_size 0; proxy_pass http://127.0.0.1:${origin.port}; }
      location /unbuffered { proxy_buffering off; proxy_pass http://127.0.0.1:${origin.port}; }
    }`,
  );
  for (const target of ['/length', '/close', '/memory/close', '/unbuffered', '/unbuffered/close']) {
    for (const pause of [0, 1500]) {
      const client = new RawClient(port);
      client.send(`GET ${target} HTTP/1.0\r\n\r\n`);
      client.socket.pause();
      await sleep(pause);
      client.socket.resume();
      const text = await client.end(20_000);
      const body = Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'latin1');
      t.equal(createHash('sha256').update(body).digest('hex'), digest, `${target} after ${pause} ms`);
    }
  }
});
