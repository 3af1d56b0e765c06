import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { get } from '../support/raw-client.ts';
import { startSluice } from '../support/sluice.ts';

const http = (port: number): string =>
  `events {} http { access_log off; server { listen 127.0.0.1:${port}; return 200 ok; } }`;

t.test('a killed worker is replaced; who connects meanwhile waits, and is served', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, { config: http(port) });
  t.equal((await get(port)).body, 'ok');
  const [worker = 0] = sluice.workers();
  sluice.signal('SIGKILL', worker);
  t.equal((await get(port)).body, 'ok');
  t.equal(sluice.logged(new RegExp(`\\[alert\\] .*worker process ${worker} exited on signal 9`)), 1);
  t.not(sluice.workers()[0], worker);
});

t.test('a worker that was told to end is replaced too, without an alert', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, { config: http(port) });
  t.equal((await get(port)).body, 'ok');
  const [worker = 0] = sluice.workers();
  sluice.signal('SIGTERM', worker);
  await eventually('its end', () => sluice.logged(new RegExp(`worker process ${worker} exited with code 0`)));
  t.equal((await get(port)).body, 'ok');
  t.equal(sluice.logged(/\[alert\]/), 0);
});

t.test('workers that keep dying young are not started in a tight loop', async (t) => {
  const sluice = await startSluice(t, { config: http(await freePort()) });
  const deadline = Date.now() + 1500;
  while (Date.now() < deadline) {
    const worker = await eventually('a worker', () => sluice.workers()[0]);
    sluice.signal('SIGKILL', worker);
    await eventually('its end', () => sluice.logged(new RegExp(`worker process ${worker} exited`)));
  }
  const deaths = sluice.logged(/exited on signal 9/);
  t.ok(deaths >= 2 && deaths <= 6, `${deaths} starts in 1.5 s`);
});

t.test('quit ends a master whose worker waits to be started again', async (t) => {
  const sluice = await startSluice(t, { config: http(await freePort()) });
  sluice.signal('SIGKILL', await eventually('a worker', () => sluice.workers()[0]));
  await eventually('its end', () => sluice.logged(/exited on signal 9/));
  await sluice.stop();
  t.notOk(sluice.running);
});
