import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort, freePorts } from '../support/free-port.ts';
import { Load } from '../support/load.ts';
import { get, RawClient } from '../support/raw-client.ts';
import { commandLine, startSluice } from '../support/sluice.ts';

const http = (port: number, body: string): string =>
  `events {} http { access_log off; server { listen 127.0.0.1:${port}; return 200 ${body}; } }`;

t.test('20 reloads under load fail no request', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, { config: http(port, 'generation-0'), workers: 2 });
  const load = new Load(port);
  for (let generation = 1; generation <= 20; generation++)
    await sluice.reload(http(port, `generation-${generation}`));
  await eventually('the last generation', async () => (await get(port)).body === 'generation-20');
  const { answered, failures, bodies } = await load.stop();
  t.same(failures, []);
  t.ok(answered > 20, `${answered} requests`);
  t.ok(bodies.size > 10, `answers of ${bodies.size} generations`);
  await eventually(
    'the end of all old workers to be logged',
    () => sluice.logged(/exited with code 0/) === 40,
  );
  t.equal(sluice.logged(/\[alert\]/), 0);
});

t.test('a configuration with an error leaves the old one in force, and says why', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, { config: http(port, 'old') });
  await get(port);
  const workers = sluice.workers();
  sluice.configure('events {} nonsense on;');
  sluice.signal('SIGHUP');
  await eventually('the reason', () =>
    sluice.logged(/\[emerg\] .*unknown directive "nonsense" in .*nginx\.conf:\d+/),
  );
  t.equal((await get(port)).body, 'old');
  t.same(sluice.workers(), workers, 'the same workers');
});

t.test('an address that cannot be bound leaves the old configuration in force', async (t) => {
  const other = createServer();
  t.teardown(() => void other.close());
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  const taken = typeof address === 'object' && address ? address.port : 0;
  const port = await freePort();
  const sluice = await startSluice(t, { config: http(port, 'old') });
  sluice.configure(
    `events {} http { access_log off; server { listen 127.0.0.1:${port}; listen 127.0.0.1:${taken}; return 200 new; } }`,
  );
  sluice.signal('SIGHUP');
  await eventually('the attempts to end', () => sluice.logged(/still could not bind\(\)/));
  t.equal((await get(port)).body, 'old');
});

t.test('an address that is not named any more is closed, a unix socket removed', async (t) => {
  const [kept = 0, dropped = 0] = await freePorts(2);
  const sluice = await startSluice(t, { config: http(kept, 'before') });
  const path = sluice.path('socket');
  await sluice.reload(
    `events {} http { access_log off; server { listen 127.0.0.1:${kept}; listen 127.0.0.1:${dropped}; listen unix:${path}; return 200 both; } }`,
  );
  t.equal((await get(dropped)).body, 'both');
  t.equal((await get({ path })).body, 'both');
  await sluice.reload(http(kept, 'after'));
  t.equal((await get(kept)).body, 'after');
  await t.rejects(get(dropped), { code: 'ECONNREFUSED' });
  t.notOk(existsSync(path));
});

t.test('a worker that still has a request says so in its title, and ends after it', async (t) => {
  const [port = 0, upstream = 0] = await freePorts(2);
  const sluice = await startSluice(t, {
    config: `events {} http { access_log off; server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${upstream}; } } }`,
  });
  let answer: (() => void) | undefined;
  const origin = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      answer = () => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate');
    });
  });
  t.teardown(() => void origin.close());
  await new Promise<void>((resolve) => origin.listen(upstream, '127.0.0.1', resolve));
  const client = new RawClient(port).send('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  t.teardown(() => client.close());
  await eventually('the request at the origin', () => answer);
  const [old = 0] = sluice.workers();
  sluice.signal('SIGHUP');
  await eventually('the title', () => commandLine(old) === 'nginx: worker process is shutting down');
  answer?.();
  const response = await client.response();
  t.equal(response.body, 'late');
  t.same(response.headers.get('connection'), ['close']);
  await eventually('its end', () => !existsSync(`/proc/${old}`));
});
