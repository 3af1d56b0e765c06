import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { GtlsClient } from '../quic/gtls-client.ts';
import { eventually } from '../support/eventually.ts';
import { freePort, freePorts } from '../support/free-port.ts';
import { get, RawClient } from '../support/raw-client.ts';
import { type Cleanup, Sluice, startSluice } from '../support/sluice.ts';
import { makeIdentity } from '../tls/certificates.ts';
import { buildDouble, FSTACK_HOST, ini } from './double.ts';

const library = buildDouble();
t.teardown(() => rmSync(library));

const MAIN = 'fstack_conf f-stack.conf;';
const KERNEL_HOST = '127.0.0.1';

interface Options {
  readonly main?: string;
  readonly double?: string;
}

function options(config: string, { main = MAIN, double = '' }: Options = {}) {
  const env = { SLUICE_FSTACK: library };
  return {
    config: `events {} http { access_log off; ${config} }`,
    main,
    env,
    files: { 'f-stack.conf': ini(double) },
  };
}

function start(t: Cleanup, config: string, settings?: Options): Promise<Sluice> {
  return startSluice(t, options(config, settings));
}

t.test('a worker serves on F-Stack, and there only', async (t) => {
  const port = await freePort();
  const sluice = await start(t, `server { listen ${port}; return 200 "$remote_addr $server_addr"; }`);
  t.equal((await get({ host: FSTACK_HOST, port })).body, '10.0.0.1 10.0.0.2');
  await t.rejects(get({ host: KERNEL_HOST, port }), { code: 'ECONNREFUSED' });
  t.equal(sluice.logged(/\[warn\]/), 0);
});

t.test('listeners of the kernel are served by the same worker', async (t) => {
  const [port, marked] = await freePorts(2);
  const sluice = await start(
    t,
    `server { listen ${port}; return 200 fstack; }
     server { listen ${marked}; kernel_network_stack on; return 200 kernel; }
     server { listen unix:nginx.sock; return 200 unix; }`.replace(
      'unix:',
      `unix:/tmp/sluice-${process.pid}-`,
    ),
  );
  t.equal((await get({ host: FSTACK_HOST, port: Number(port) })).body, 'fstack');
  t.equal((await get({ host: KERNEL_HOST, port: Number(marked) })).body, 'kernel');
  t.equal((await get({ path: `/tmp/sluice-${process.pid}-nginx.sock` })).body, 'unix');
  t.equal(sluice.workers().length, 1);
});

t.test('requests and responses of a MiB pass, to upstreams on either stack', async (t) => {
  const port = await freePort();
  const body = 'x'.repeat(1024 * 1024);
  const server = createServer((request, answer) => request.pipe(answer)).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port: origin } = server.address() as AddressInfo;
  await start(
    t,
    `client_max_body_size 2m; server { listen ${port};
       location /kernel { proxy_pass http://127.0.0.1:${origin}; }
       location /marked { proxy_pass http://10.0.0.1:${origin}; proxy_kernel_network_stack on; proxy_connect_timeout 1s; }
       location /fstack { proxy_pass http://10.0.0.1:${origin}; } }`,
  );
  for (const path of ['/kernel', '/fstack']) {
    const client = new RawClient({ host: FSTACK_HOST, port });
    client.send(
      `POST ${path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const response = await client.response();
    client.close();
    t.equal(response.status, 200, path);
    t.ok(response.body === body, path);
  }
  t.not((await get({ host: FSTACK_HOST, port }, '/marked')).status, 200, 'the kernel knows no 10.0.0.1');
});

t.test('PROXY protocol, options of sockets and time-outs are as on the kernel', async (t) => {
  const port = await freePort();
  const options = 'proxy_protocol backlog=64 so_keepalive=30m:10s:3 rcvbuf=64k sndbuf=64k deferred';
  const server = `listen ${port} ${options}; client_header_timeout 200ms; return 200 "$proxy_protocol_addr $remote_addr";`;
  const sluice = await start(t, `server { ${server} }`);
  const client = new RawClient({ host: FSTACK_HOST, port });
  client.send(
    'PROXY TCP4 192.0.2.7 192.0.2.8 1000 80\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
  );
  t.equal((await client.response()).body, '192.0.2.7 10.0.0.1');
  const silent = new RawClient({ host: FSTACK_HOST, port });
  silent.send('PROXY UNKNOWN\r\nGET /');
  t.equal(await silent.end(), '', 'a request that never comes has its time-out');
  t.equal(sluice.logged(/\[(warn|alert|emerg)\]/), 0);
});

t.test('many connections are served at once', async (t) => {
  const port = await freePort();
  await start(t, `keepalive_timeout 60s; server { listen ${port}; return 200 ok; }`);
  const clients = Array.from({ length: 200 }, () => new RawClient({ host: FSTACK_HOST, port }));
  t.teardown(() => {
    for (const client of clients) client.close();
  });
  for (const client of clients) client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  const answers = await Promise.all(clients.map((client) => client.response()));
  t.ok(answers.every(({ body }) => body === 'ok'));
});

t.test('HTTP/3 comes by F-Stack, bodies of a MiB both ways', async (t) => {
  const { certificate, key } = makeIdentity('localhost');
  const port = await freePort();
  const server = createServer((request, answer) => request.pipe(answer)).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port: origin } = server.address() as AddressInfo;
  const { files, ...others } = options(`client_max_body_size 2m;
    server { listen ${port} quic; ssl_certificate cert.pem; ssl_certificate_key key.pem;
      location / { return 200 "$server_protocol $server_addr"; }
      location /echo { proxy_pass http://127.0.0.1:${origin}; } }`);
  await startSluice(t, { ...others, files: { ...files, 'cert.pem': certificate, 'key.pem': key } });
  const client = new GtlsClient(t);
  const host = FSTACK_HOST;
  const small = await client.get(port, ['/small'], { host });
  t.equal(small.bodies.get('small')?.toString(), 'HTTP/3.0 10.0.0.2');
  const body = 'b'.repeat(1024 * 1024);
  writeFileSync(client.path('body'), body);
  const args = ['--http-method=POST', `--data=${client.path('body')}`];
  const echoed = await client.get(port, ['/echo'], { host, args });
  t.strictSame(echoed.statuses, [200]);
  t.ok(echoed.bodies.get('echo')?.toString() === body);
});

t.test('a quitting worker finishes what is open', async (t) => {
  const port = await freePort();
  const sluice = await start(t, `server { listen ${port}; return 200 done; }`);
  const client = new RawClient({ host: FSTACK_HOST, port });
  client.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  t.equal((await client.response()).body, 'done');
  client.send('GET / HTTP/1.1\r\nHost: h\r\n');
  const other = new RawClient({ host: FSTACK_HOST, port });
  other.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
  t.equal((await other.response()).body, 'done', 'the half request has come, too');
  sluice.signal('SIGQUIT');
  await eventually('the worker to hear of it', () => sluice.logged(/gracefully shutting down/));
  t.equal(await other.end(), '', 'idle connections are closed');
  client.send('\r\n');
  t.equal((await client.response()).body, 'done');
  t.equal(await client.end(), '');
  await eventually('the end', () => !sluice.running);
  t.equal(sluice.logged(/exited on signal/), 0);
});

t.test(
  'when F-Stack does not start, workers serve on the kernel, and one warning says why and what to do',
  async (t) => {
    const port = await freePort();
    const double = 'fail=EAL: FATAL: Cannot get hugepage information.';
    const sluice = await start(t, `server { listen ${port}; return 200 ok; }`, { double });
    t.equal((await get({ host: KERNEL_HOST, port })).body, 'ok');
    t.equal(sluice.logged(/\[warn\]/), 1);
    t.match(
      sluice.errorLog(),
      /\[warn\].* F-Stack did not start: Cannot get hugepage information; reserve hugepages .*; this worker serves on the kernel's network stack/,
    );
  },
);

t.test('required, it is that or nothing', async (t) => {
  const port = await freePort();
  const main = `${MAIN} fstack require;`;
  const sluice = new Sluice(
    options(`server { listen ${port}; return 200 ok; }`, { main, double: 'fail=EAL: lcore 9 unavailable' }),
  );
  t.teardown(() => sluice.remove());
  await t.rejects(sluice.start());
  t.match(
    sluice.errorLog(),
    /\[emerg\].* F-Stack did not start: lcore 9 unavailable; let "lcore_mask" name CPUs/,
  );
  t.match(sluice.errorLog(), /\[emerg\].* no worker process came up on F-Stack/);
  t.notOk(sluice.running);
});

// That F-Stack serves then is for the real one: the double's sockets are the kernel's, which has the port still.
t.test('a reload from the kernel to F-Stack leaves no socket behind that nobody serves', async (t) => {
  const port = await freePort();
  const { config, files, env } = options(`server { listen ${port}; return 200 ok; }`);
  const sluice = await startSluice(t, { config, files, env });
  const kernel = { host: KERNEL_HOST, port };
  t.equal((await get(kernel)).body, 'ok');
  await sluice.reload(`fstack_conf f-stack.conf; ${config}`);
  await t.rejects(get(kernel), { code: 'ECONNREFUSED' });
  await sluice.reload(config);
  t.equal((await get(kernel)).body, 'ok', 'the kernel listens again');
});

t.test('a worker that falls back to the kernel in a reload finds its sockets listening', async (t) => {
  const port = await freePort();
  const { config, files, env } = options(`server { listen ${port}; return 200 ok; }`, { double: 'fail=no' });
  const sluice = await startSluice(t, {
    config: `fstack off; fstack_conf f-stack.conf; ${config}`,
    files,
    env,
  });
  await sluice.reload(`fstack_conf f-stack.conf; ${config}`);
  t.equal((await get({ host: KERNEL_HOST, port })).body, 'ok');
});

t.test('a library that is none is a warning, too', async (t) => {
  const port = await freePort();
  const config = options(`server { listen ${port}; return 200 ok; }`);
  await startSluice(t, { ...config, env: { SLUICE_FSTACK: '/bin/true' } });
  t.equal((await get({ host: KERNEL_HOST, port })).body, 'ok');
});

t.test(
  'a crash ends only its worker; after the second within a minute the next one is on the kernel',
  async (t) => {
    const port = await freePort();
    const sluice = await start(t, `server { listen ${port}; return 200 ok; }`, { double: 'crash=DIE' });
    for (const crash of [1, 2]) {
      t.equal((await get({ host: FSTACK_HOST, port })).body, 'ok', `on F-Stack before crash ${crash}`);
      const client = new RawClient({ host: FSTACK_HOST, port });
      client.send('DIE');
      await eventually('the crash', () => sluice.logged(/exited on signal 6/) === crash);
      client.close();
      await eventually('another worker', () => sluice.workers().length === 1);
      if (crash === 1)
        await eventually('F-Stack again', () => get({ host: FSTACK_HOST, port }).catch(() => undefined));
    }
    t.equal(sluice.logged(/\[warn\].*worker 0 crashed twice within a minute on F-Stack/), 1);
    const { body } = await eventually('the kernel', () =>
      get({ host: KERNEL_HOST, port }).catch(() => undefined),
    );
    t.equal(body, 'ok');
  },
);
