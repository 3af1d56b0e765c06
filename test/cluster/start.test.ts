import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { get } from '../support/raw-client.ts';
import { commandLine, Sluice, startSluice } from '../support/sluice.ts';

const http = (port: number): string =>
  `events {} http { access_log off; server { listen 127.0.0.1:${port}; return 200 ok; } }`;

t.test('in the foreground the pid is that of the process that was started, and it serves', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, { config: http(port), workers: 2 });
  t.match(readFileSync(sluice.path('nginx.pid'), 'latin1'), /^\d+\n$/);
  t.equal((await get(port)).body, 'ok');
  t.equal(sluice.workers().length, 2);
});

t.test('without a master process one worker serves, and it is said', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, { config: http(port), main: 'master_process off;' });
  t.equal((await get(port)).body, 'ok');
  t.equal(sluice.workers().length, 1);
  t.equal(sluice.logged(/\[notice\] .*"master_process off": one worker serves/), 1);
});

t.test('processes have the titles that tools look for', async (t) => {
  const sluice = await startSluice(t, { config: http(await freePort()) });
  await eventually('the worker', () => sluice.workers().map(commandLine).includes('nginx: worker process'));
  t.match(commandLine(sluice.pid), `nginx: master process ${sluice.program} ${sluice.arguments.join(' ')}`);
  t.equal(readFileSync(`/proc/${sluice.pid}/comm`, 'latin1'), 'nginx\n');
});

t.test('a daemon serves when the command returns, and lets the terminal go', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, { config: http(port), daemon: true });
  t.equal((await get(port)).body, 'ok');
  const session = readFileSync(`/proc/${sluice.pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ')[3];
  t.equal(session, String(sluice.pid), 'a session of its own');
});

t.test('quit and terminate end with code 0 and without the pid file', async (t) => {
  for (const signal of ['SIGQUIT', 'SIGTERM', 'SIGINT'] as const) {
    const sluice = await startSluice(t, { config: http(await freePort()) });
    await eventually('a worker', () => sluice.logged(/start worker process \d+/));
    await sluice.stop(signal);
    t.notOk(existsSync(sluice.path('nginx.pid')), `${signal}: no pid file`);
    t.equal(sluice.logged(/worker process \d+ exited with code 0/), 1, `${signal}: the worker ended well`);
    t.equal(sluice.logged(/\[alert\]/), 0, `${signal}: no alert`);
  }
});

t.test('an address in use is tried five times, then the start fails in nginx words', async (t) => {
  const other = createServer();
  t.teardown(() => void other.close());
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const address = other.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const sluice = new Sluice({ config: http(port) });
  t.teardown(() => sluice.remove());
  const { status, stderr, stdout } = spawnSync(sluice.program, sluice.arguments, { encoding: 'latin1' });
  t.equal(status, 1);
  t.equal(stdout, '');
  const lines = stderr.trimEnd().split('\n');
  const inUse = `nginx: [emerg] bind() to 127.0.0.1:${port} failed (98: Address already in use)`;
  t.same(lines, [...Array<string>(5).fill(inUse), 'nginx: [emerg] still could not bind()']);
  t.notOk(existsSync(sluice.path('nginx.pid')), 'no pid file');
});

t.test('standard error may be closed', async (t) => {
  const port = await freePort();
  const sluice = new Sluice({ config: http(port), daemon: true });
  t.teardown(() => sluice.remove());
  const { status } = spawnSync('/bin/sh', [
    '-c',
    'exec "$@" 2>&-',
    'sh',
    sluice.program,
    ...sluice.arguments,
  ]);
  t.equal(status, 0);
  t.equal((await get(port)).body, 'ok');
});

t.test('a unix socket is open to everyone, and goes with the master', async (t) => {
  const sluice = new Sluice({ config: '' });
  t.teardown(() => sluice.remove());
  const path = sluice.path('socket');
  sluice.configure(`events {} http { access_log off; server { listen unix:${path}; return 200 unix; } }`);
  await sluice.start();
  t.equal((await get({ path })).body, 'unix');
  await sluice.stop();
  t.notOk(existsSync(path));
});
