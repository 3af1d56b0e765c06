import { existsSync, renameSync, symlinkSync } from 'node:fs';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { Load } from '../support/load.ts';
import { get } from '../support/raw-client.ts';
import { PROGRAM, Sluice, startSluice } from '../support/sluice.ts';

const NGINX = '/usr/sbin/nginx';
const http = (port: number, socket?: string): string => `events {}
http {
    access_log off;
    server {
        listen 127.0.0.1:${port};
        ${socket === undefined ? '' : `listen unix:${socket};`}
        return 200 $nginx_version;
    }
}`;

t.test('5 upgrades under load fail no request', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, { config: http(port), daemon: true });
  const load = new Load(port);
  for (let i = 0; i < 5; i++) {
    await sluice.startNewBinary();
    await sluice.endOldBinary();
  }
  const { answered, failures } = await load.stop();
  t.same(failures, []);
  t.ok(answered > 20, `${answered} requests`);
  t.equal(sluice.logged(/\[(alert|emerg)\]/), 0);
});

t.test('an upgrade can be taken back, and unix sockets stay', async (t) => {
  const port = await freePort();
  const sluice = new Sluice({ config: '', daemon: true });
  t.teardown(() => sluice.remove());
  const socket = sluice.path('socket');
  sluice.configure(http(port, socket));
  await sluice.start();
  const first = sluice.pid;
  await sluice.startNewBinary();
  t.not(sluice.pid, first);

  // The old one stops accepting, then the new one is found to be no good.
  sluice.signal('SIGWINCH', first);
  await eventually('the old workers to go', () => sluice.workers(first).length === 0);
  t.equal((await get(port)).status, 200, 'the new one serves');
  sluice.signal('SIGTERM', sluice.pid);
  await eventually(
    'the pid file to be back',
    () => !existsSync(sluice.path('nginx.pid.oldbin')) && sluice.pid === first,
  );
  await eventually('workers again', () => sluice.workers().length > 0);
  t.equal((await get(port)).status, 200);
  t.equal((await get({ path: socket })).status, 200, 'the unix socket is still there');
});

t.test('a second upgrade has to wait for the end of the first', async (t) => {
  const sluice = await startSluice(t, { config: http(await freePort()), daemon: true });
  const first = sluice.pid;
  await sluice.startNewBinary();
  const second = sluice.pid;
  sluice.signal('SIGUSR2', first);
  sluice.signal('SIGUSR2', second);
  await eventually('both to refuse', () => sluice.logged(/the changing binary signal is ignored/) === 2);
  t.equal(sluice.pid, second);
});

t.test('a running nginx becomes Sluice and nginx again, under load', async (t) => {
  const port = await freePort();
  const sluice = new Sluice({ config: http(port), daemon: true });
  t.teardown(() => sluice.remove());
  const program = sluice.path('nginx');
  const become = (target: string): void => {
    symlinkSync(target, `${program}.new`);
    renameSync(`${program}.new`, program);
  };
  become(NGINX);
  const running = new Sluice({ config: http(port), daemon: true, program });
  t.teardown(() => running.remove());
  await running.start();
  const nginxVersion = (await get(port)).body;
  t.not(nginxVersion, '1.31.5', 'it is nginx');

  const load = new Load(port);
  become(PROGRAM);
  await running.startNewBinary();
  await running.endOldBinary();
  t.equal((await get(port)).body, '1.31.5', 'Sluice');
  become(NGINX);
  await running.startNewBinary();
  await running.endOldBinary();
  t.equal((await get(port)).body, nginxVersion, 'nginx again');
  const { answered, failures, bodies } = await load.stop();
  t.same(failures, []);
  t.ok(answered > 20, `${answered} requests`);
  t.same([...bodies].sort(), [nginxVersion, '1.31.5'].sort());
});
