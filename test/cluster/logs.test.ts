import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { get } from '../support/raw-client.ts';
import { startSluice } from '../support/sluice.ts';

t.test('USR1 opens log files again, in the master and in workers', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, {
    config: `events {} http { access_log access.log; server { listen 127.0.0.1:${port}; return 200 ok; } }`,
  });
  await get(port, '/before');
  await eventually('its line', () => readFileSync(sluice.path('access.log'), 'latin1').includes('/before'));
  for (const name of ['access.log', 'error.log']) renameSync(sluice.path(name), sluice.path(`${name}.1`));
  sluice.signal('SIGUSR1');
  await eventually(
    'the new files',
    () => existsSync(sluice.path('access.log')) && existsSync(sluice.path('error.log')),
  );
  await eventually(
    'the worker to follow',
    () => readFileSync(sluice.path('error.log.1'), 'latin1').match(/reopening logs\n/g)?.length,
  );
  await eventually('a line in the new file', async () => {
    await get(port, '/after');
    return readFileSync(sluice.path('access.log'), 'latin1').includes('/after');
  });
  await sluice.stop();
  t.match(
    sluice.errorLog(),
    /\[notice\] \d+#\d+: worker process \d+ exited with code 0/,
    "the master's lines",
  );
  t.match(sluice.errorLog(), /\[notice\] \d+#\d+: gracefully shutting down/, "the worker's lines");
  t.notMatch(readFileSync(sluice.path('access.log'), 'latin1'), '/before');
});

t.test('control-plane lines are JSON on request', async (t) => {
  const sluice = await startSluice(t, {
    config: `events {} http { access_log off; server { listen 127.0.0.1:${await freePort()}; } }`,
    env: { SLUICE_LOG_FORMAT: 'json' },
  });
  const line = await eventually('a line', () =>
    sluice
      .errorLog()
      .split('\n')
      .find((each) => each.includes('start worker process ')),
  );
  t.match(JSON.parse(line), { level: 35, pid: sluice.pid, msg: /start worker process \d+/ });
});

t.test('lines of master and workers go to a syslog server as well', async (t) => {
  const server = createSocket('udp4');
  t.teardown(() => void server.close());
  const messages: string[] = [];
  server.on('message', (message) => messages.push(message.toString('latin1')));
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  const to = `syslog:server=127.0.0.1:${server.address().port},facility=local3,tag=proxy,nohostname`;
  const sluice = await startSluice(t, {
    main: `error_log ${to} notice;`,
    config: `events {} http { access_log off; server { listen 127.0.0.1:${await freePort()}; } }`,
  });
  await sluice.stop();
  const found = (what: RegExp): Promise<string> =>
    eventually(`${what}`, () => messages.find((each) => what.test(each)));
  // local3 is 19, notice is 5: 19 * 8 + 5
  const head =
    /^<157>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d proxy: \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[notice\] \d+#\d+: /;
  t.match(await found(/start worker process \d+$/), head);
  t.match(await found(/gracefully shutting down$/), head);
});
