/** The clients that people have: nghttp, h2load, curl. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { startH2Origin } from '../upstream/h2-origin.ts';
import { ask, startHttp2 } from './http2.ts';

const LIMIT_MS = 60_000;

async function run(program: string, ...words: string[]): Promise<string> {
  const options = { timeout: LIMIT_MS, encoding: 'latin1', maxBuffer: 1 << 26 } as const;
  const { stdout } = await promisify(execFile)(program, words, options);
  return stdout;
}

t.test(
  'nghttp: many requests at once, with priorities of the old kind, bodies, and an upgrade',
  async (t) => {
    const { port, securePort } = await startHttp2(t, 'return 200 "$request_method $http2 $request_uri\n";');
    const paths = Array.from({ length: 20 }, (_, i) => `/${i}`);
    for (const [origin, protocol] of [
      [`http://127.0.0.1:${port}`, 'h2c'],
      [`https://127.0.0.1:${securePort}`, 'h2'],
    ] as const) {
      const answers = await run('nghttp', '--no-verify-peer', ...paths.map((path) => origin + path));
      t.same(
        answers.trim().split('\n').sort(),
        paths.map((path) => `GET ${protocol} ${path}`).sort(),
        protocol,
      );
    }
    const stats = await run('nghttp', '-nv', '--weight=7', '--expect-continue', `http://127.0.0.1:${port}/x`);
    t.match(stats, /:status: 200/);
  },
);

t.test('curl: by prior knowledge, by ALPN, and HTTP/1.1 where it is asked for', async (t) => {
  const origin = await startH2Origin(t, (stream) => {
    let size = 0;
    stream.on('data', (piece: Buffer) => {
      size += piece.length;
    });
    stream.on('end', () => stream.end(String(size)));
  });
  const { port, securePort } = await startHttp2(
    t,
    `location / { return 200 "$server_protocol"; }
     location /size { proxy_http_version 2; proxy_pass http://127.0.0.1:${origin.port}; }`,
  );
  const curl = (...words: string[]): Promise<string> =>
    run('curl', '-sk', '--write-out', ' %{http_version} %{http_code}', ...words);
  t.equal(await curl('--http2-prior-knowledge', `http://127.0.0.1:${port}/`), 'HTTP/2.0 2 200');
  t.equal(await curl(`https://127.0.0.1:${securePort}/`), 'HTTP/2.0 2 200');
  t.equal(await curl('--http1.1', `https://127.0.0.1:${securePort}/`), 'HTTP/1.1 1.1 200');
  const body = 'x'.repeat(100_000);
  t.equal(await curl('--data-binary', body, `https://127.0.0.1:${securePort}/size`), '100000 2 200');
});

t.test('curl: what answers a body before all of it has come is not lost', async (t) => {
  const { securePort } = await startHttp2(t, 'client_max_body_size 1m; location / { return 200; }');
  const body = join(t.testdir({ body: 'x'.repeat(5_000_000) }), 'body');
  for (let round = 0; round < 5; round++) {
    const words = [
      '-sk',
      '--write-out',
      '%{http_code}',
      '--output',
      '/dev/null',
      '--data-binary',
      `@${body}`,
    ];
    t.equal(await run('curl', ...words, `https://127.0.0.1:${securePort}/`), '413');
  }
});

t.test('h2load: nothing is lost over connections to an upstream that requests share', async (t) => {
  const origin = await startH2Origin(t, (stream) => {
    stream.resume();
    stream.on('end', () => stream.end('answer'));
  });
  const { port, sluice } = await startHttp2(
    t,
    'location / { proxy_http_version 2; proxy_pass http://group; keepalive_requests 100000; }',
    { http: `upstream group { server 127.0.0.1:${origin.port}; keepalive 4; }` },
  );
  const requests = 4000;
  const load = (...words: string[]): Promise<string> =>
    run('h2load', '-n', String(requests), '-c', '8', '-m', '32', ...words, `http://127.0.0.1:${port}/`);
  const report = await load();
  t.match(report, new RegExp(`${requests} succeeded, 0 failed, 0 errored, 0 timeout`));
  t.match(report, new RegExp(`status codes: ${requests} 2xx, 0 3xx, 0 4xx, 0 5xx`));
  // As long as the upstream has not said how many streams it takes, 100 are supposed.
  t.ok(origin.sessions.length < 20, `${origin.sessions.length} connections for 256 requests at once`);
  t.equal(sluice.logged(/\[(error|crit|alert)\]/), 0);
});

t.test('a reload: who has begun is answered, who comes later is told to ask again', async (t) => {
  let answer = (): void => undefined;
  const origin = await startH2Origin(t, (stream) => {
    answer = () => stream.end('late');
  });
  const { connect, sluice } = await startHttp2(
    t,
    `location / { proxy_http_version 2; proxy_pass http://127.0.0.1:${origin.port}; }
     location /now { return 200 "now"; }`,
  );
  const session = connect();
  const stream = session.request({ ':path': '/' });
  await eventually('the request to arrive', () => origin.sessions.length === 1);
  const idle = connect();
  await ask(idle, { ':path': '/now' });

  const told = Promise.all(
    [session, idle].map((each) => new Promise((resolve) => each.once('goaway', resolve))),
  );
  sluice.signal('SIGHUP');
  t.same(await told, [0, 0], 'GOAWAY without an error');
  await eventually('the idle connection to be closed', () => idle.destroyed);
  answer();
  let body = '';
  for await (const piece of stream) body += piece;
  t.equal(body, 'late');
  await eventually('the other one too', () => session.destroyed);
  await eventually('the old worker to go', () => sluice.workers().length === 1);
  t.match(await eventually('the log', () => readFileSync(sluice.path('access.log'), 'latin1')), /200 .* 4 /);
});
