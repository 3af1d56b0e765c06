import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { removeLeftovers } from '../../src/fstack-binding/leftovers.ts';
import { eventually } from '../support/eventually.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-leftovers-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const [run, huge] = [join(folder, 'dpdk'), join(folder, 'huge')];
const [mounts, locks] = [join(folder, 'mounts'), join(folder, 'locks')];
const config = join(run, 'container-a/config');

t.beforeEach(() => {
  for (const path of [join(run, 'container-a'), join(run, 'container-ab'), huge])
    mkdirSync(path, { recursive: true });
  for (const name of ['container-amap_0', 'container-amap_17', 'container-abmap_0', 'other'])
    writeFileSync(join(huge, name), '');
  writeFileSync(config, '');
  writeFileSync(mounts, `tmpfs /none tmpfs rw 0 0\nnodev ${huge} hugetlbfs rw,pagesize=2M 0 0\n`);
  writeFileSync(locks, '');
});

t.test("what a process has left behind goes, others' stays", async (t) => {
  removeLeftovers('container-a', { run, mounts, locks });
  t.strictSame(readdirSync(run), ['container-ab']);
  t.strictSame(readdirSync(huge).toSorted(), ['container-abmap_0', 'other']);
});

t.test('what a process lives by stays', async (t) => {
  const { ino } = statSync(config);
  writeFileSync(locks, `1: POSIX  ADVISORY  WRITE 4711 00:19:${ino} 4 68303\n`);
  removeLeftovers('container-a', { run, mounts, locks });
  t.ok(existsSync(config));
  t.ok(existsSync(join(huge, 'container-amap_0')));
  removeLeftovers('container-a', { run, mounts, locks, ours: true });
  t.strictSame(readdirSync(run), ['container-ab'], 'unless it is that process who is about to end');
});

t.test('the lock that the kernel shows is found', async (t) => {
  const holder = spawn('flock', ['--no-fork', config, 'sleep', '60'], { stdio: 'ignore' });
  t.teardown(() => holder.kill());
  const shown = () => readFileSync('/proc/locks', 'latin1').includes(`:${statSync(config).ino} `);
  await eventually('the lock', shown);
  removeLeftovers('container-a', { run, mounts });
  t.ok(existsSync(config));
});

t.test('what cannot be seen is no error', async (t) => {
  const nowhere = join(folder, 'nowhere');
  removeLeftovers('container-a', { run: nowhere, mounts: nowhere, locks: nowhere });
  t.ok(existsSync(config));
});
