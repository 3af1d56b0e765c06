import t from 'tap';
import type { LoadedConfiguration } from '../../src/proxy/conf/load.ts';
import { http, load } from './configuration.ts';

function loaded(text: string): LoadedConfiguration {
  const { loaded, errors } = load(text);
  if (!loaded) throw new Error(errors.join('\n'));
  return loaded;
}

/** http_core's configuration of a block. */
function core({ plan }: LoadedConfiguration, block: number | undefined): Record<string, unknown> {
  const position = plan.http?.blocks[block ?? -1]?.confs.http_core;
  return { ...plan.http?.modules.http_core?.[position ?? -1] };
}

t.test('a block has the nearest value that is said, and shares what it says nothing about', async (t) => {
  const configuration = loaded(
    http(`
      client_max_body_size 5m; error_page 404 /a; error_page 500 /b;
      server { listen 81; location / { client_max_body_size 7m; location /x { etag off; } } location /same { } }
      server { listen 82; server_name b; error_page 403 /c; }`),
  );
  const [first, second] = configuration.plan.http?.servers ?? [];
  const [, root] = first?.locations.prefix[0] ?? [];
  const [, same] = first?.locations.prefix[1] ?? [];
  const [, nested] = root?.nested?.prefix[0] ?? [];
  t.equal(core(configuration, first?.block).clientMaxBodySize, 5 * 2 ** 20);
  t.equal(core(configuration, root?.block).clientMaxBodySize, 7 * 2 ** 20);
  t.equal(core(configuration, nested?.block).clientMaxBodySize, 7 * 2 ** 20);
  t.equal(core(configuration, nested?.block).etag, false);
  t.same(core(configuration, root?.block).errorPages, [
    { status: 404, uri: '/a' },
    { status: 500, uri: '/b' },
  ]);
  t.same(
    core(configuration, second?.block).errorPages,
    [{ status: 403, uri: '/c' }],
    'arrays are replaced as a whole',
  );
  const positions = [first, same].map(
    (each) => configuration.plan.http?.blocks[each?.block ?? -1]?.confs.http_core,
  );
  t.same(positions, [0, 0], 'both are the http block’s');
});

t.test('locations: kinds, files, and what limits them', async (t) => {
  const configuration = loaded(
    http(`root www/; server {
      location = /exact { alias /tmp/$host/; } location ^~ /static { } location ~* \\.PHP$ { alias /p; }
      location @named { internal; } location / { limit_except GET post { } } }`),
  );
  const server = configuration.plan.http?.servers[0];
  const exact = server?.locations.exact[0]?.[1];
  const host = configuration.plan.variables.findIndex(({ name }) => name === 'host');
  t.same(core(configuration, exact?.block).root, { path: ['/tmp/', host, '/'], alias: 6 });
  t.match(exact, { name: '/exact', exactMatch: true });
  t.match(server?.locations.prefix[0], ['/static', { noRegex: true }]);
  t.match(
    (core(configuration, server?.block).root as { path: string }).path,
    /\/www$/,
    'below the prefix, without the slash',
  );
  const [regex, php] = server?.locations.regex[0] ?? [];
  t.same(configuration.plan.regexes[regex ?? -1], { pattern: '\\.PHP$', caseless: true });
  t.same(core(configuration, php?.block).root, { path: '/p', alias: -1 });
  t.equal(core(configuration, server?.locations.named?.[0]?.[1].block).internal, true);
  const limited = server?.locations.prefix[1]?.[1].limitExcept;
  t.same(limited?.methods, ['GET', 'HEAD', 'POST']);
  t.equal(core(configuration, limited?.block).etag, true);
});

t.test('servers that share an address are told apart by name', async (t) => {
  const { plan } = loaded(
    http(`
      server { listen 80; server_name a.com *.b.com; }
      server { listen 80 default_server; server_name .c.com www.d.*; }
      server { listen 80; server_name ~^(?<sub>\\w+)\\.E\\.com$; }`),
  );
  t.equal(plan.listeners.length, 1);
  const names = plan.listeners[0]?.addresses[0]?.http;
  t.same(names, {
    default: 1,
    exact: [
      ['a.com', 0],
      ['c.com', 1],
    ],
    suffix: [
      ['.b.com', 0],
      ['.c.com', 1],
    ],
    prefix: [['www.d.', 1]],
    regex: [[0, 2]],
  });
  t.match(plan.regexes[0], {
    caseless: true,
    names: [[1, plan.variables.findIndex(({ name }) => name === 'sub')]],
  });
  t.same(
    plan.http?.servers.map(({ name }) => name),
    ['a.com', 'c.com', '~^(?<sub>\\w+)\\.E\\.com$'],
  );
});

t.test(
  'a wildcard’s socket takes the port’s other addresses, unless they have options of their own',
  async (t) => {
    const { plan, listen } = loaded(
      http(`
      server { server_name a; listen 80; listen 127.0.0.1:80; listen 127.0.0.2:80 backlog=5; listen [::]:80; listen unix:/s; }
      server { server_name b; listen 127.0.0.1:80; listen 8001-8002; }`),
    );
    t.same(
      plan.listeners.map(({ address, addresses }) => [address, ...addresses.map((each) => each.address)]),
      [
        ['127.0.0.2:80', undefined],
        ['0.0.0.0:80', '127.0.0.1:80', undefined],
        ['[::]:80', undefined],
        ['unix:/s', undefined],
        ['0.0.0.0:8001', undefined],
        ['0.0.0.0:8002', undefined],
      ],
    );
    t.match(listen[0], { address: '127.0.0.2:80', backlog: 5 });
    t.same(
      plan.fds.filter(({ kind }) => kind === 'listen').map((fd) => fd.kind === 'listen' && fd.listener),
      [0, 1, 2, 3, 4, 5],
    );
  },
);

t.test('each worker has its own socket with reuseport; other options reach the master', async (t) => {
  const { plan, listen } = loaded(
    `worker_processes 3; ${http('server { listen 1.2.3.4:80 reuseport deferred fastopen=9 rcvbuf=8k so_keepalive=30m::10; }')}`,
  );
  t.same(
    plan.listeners.map(({ worker }) => worker),
    [0, 1, 2],
  );
  t.match(listen[2], {
    reuseport: true,
    fastopen: 9,
    rcvbuf: 8192,
    keepalive: { on: true, idle: 1800, count: 10 },
  });
});

t.test('a server without listen is on port 80', async (t) => {
  t.equal(loaded(http('server { }')).plan.listeners[0]?.address, '0.0.0.0:80');
});

t.test('error logs: several at a level, nearest level wins, files are opened once', async (t) => {
  const configuration = loaded(
    `error_log a.log; error_log stderr info;
     ${http('server { error_log a.log debug; location / { error_log syslog:server=127.0.0.1,nohostname warn; } }')}`,
  );
  const { plan } = configuration;
  const log = plan.fds.findIndex(({ kind }) => kind === 'log');
  const stderr = plan.fds.findIndex(({ kind }) => kind === 'stderr');
  t.same(plan.errorLogs[plan.process.errorLog], [
    { level: 'error', fd: log },
    { level: 'info', fd: stderr },
  ]);
  const server = plan.http?.servers[0];
  const logOf = (block: number | undefined): unknown =>
    plan.errorLogs[core(configuration, block).errorLog as number];
  t.same(logOf(server?.block), [{ level: 'debug', fd: log }]);
  t.match(logOf(server?.locations.prefix[0]?.[1].block), [
    { level: 'warn', syslog: { server: '127.0.0.1:514', facility: 23 } },
  ]);
});

t.test('the main context', async (t) => {
  const { process, plan } = loaded(
    'user nobody; worker_processes auto; worker_cpu_affinity 0101 10; worker_priority -5; pid run/p; env A; env B=c; worker_shutdown_timeout 10s; events { worker_connections 99; }',
  );
  t.match(process, {
    user: { name: 'nobody', uid: 65534, gid: 65534 },
    workerProcesses: 4,
    workerCpuAffinity: [[0, 2], [1]],
    workerPriority: -5,
    pid: /\/run\/p$/,
    env: ['A', 'B=c'],
  });
  t.match(plan.process, { workerConnections: 99, workerShutdownTimeout: 10_000, version: 'nginx/1.31.5' });
  t.equal(loaded('worker_processes 3; master_process off; events {}').process.workerProcesses, 1);
  t.same(loaded('worker_cpu_affinity auto 1010; worker_processes 3; events {}').process.workerCpuAffinity, [
    [1],
    [3],
    [1],
  ]);
});
