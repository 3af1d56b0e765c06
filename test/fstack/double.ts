/** The test double of F-Stack as a library that workers load: 10.0.0.2 in F-Stack is 127.0.0.2 for the test. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

/** Where clients reach what listens in F-Stack. */
export const FSTACK_HOST = '127.0.0.2';

export function buildDouble(): string {
  const library = join(ROOT, `build/fstack-double-${process.pid}.so`);
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const { status, stderr } = spawnSync(
    'g++',
    ['-std=c++20', '-O1', '-fPIC', '-shared', '-Inative', '-o', library, 'native/test/fstack_double.cc'],
    { cwd: ROOT, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr);
  return library;
}

/** An ini; `double` is what the double itself is told. */
export function ini(double = ''): string {
  return `[dpdk]
lcore_mask=1
port_list=0
idle_sleep=1000
[port0]
addr=10.0.0.2
netmask=255.0.0.0
broadcast=10.255.255.255
gateway=10.0.0.1
[double]
${double}
`;
}
