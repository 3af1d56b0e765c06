import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../..', import.meta.url));

// The C++ tests speak TAP themselves; building them the first time takes a while.
t.setTimeout(600_000);
const build = spawnSync('make', ['--silent', '-j2', '-f', 'native/test/Makefile'], {
  cwd: root,
  encoding: 'utf8',
});
t.equal(build.status, 0, 'the tests of the data plane build', { stderr: build.stderr });
if (build.status === 0) t.spawn('build/native-tests/native-tests', [], { cwd: root }, 'the data plane');
