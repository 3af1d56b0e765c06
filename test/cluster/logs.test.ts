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
