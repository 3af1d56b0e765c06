import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { PROGRAM } from '../support/sluice.ts';
import { buildDouble, ini } from './double.ts';

const library = buildDouble();
const folder = mkdtempSync(join(tmpdir(), 'sluice-fstack-'));
t.teardown(() => {
  rmSync(library);
  rmSync(folder, { recursive: true });
});

function run(args: readonly string[], fstack = library): { output: string; status: number | null } {
  const env = { ...process.env, SLUICE_FSTACK: fstack };
  const { stderr, status } = spawnSync(PROGRAM, args, { env, encoding: 'latin1' });
  return { output: stderr, status };
}

t.test('-V tells which F-Stack it was built with, or that there is none', async (t) => {
  t.match(run(['-V']).output, /^built with F-Stack over a test double$/m);
  t.match(
    run(['-V'], join(folder, 'nothing')).output,
    /^kernel-only: this Sluice was built without F-Stack$/m,
  );
  t.match(
    run(['-V'], '/bin/true').output,
    /^kernel-only: this Sluice's library for F-Stack cannot be opened \(.*\/bin\/true.*\)$/m,
  );
});

t.test('-t tells that workers run on it, what that takes away, and what is wrong with the ini', async (t) => {
  const conf = join(folder, 'nginx.conf');
  writeFileSync(
    conf,
    `pid ${folder}/pid; error_log ${folder}/error.log; fstack_conf f-stack.conf; events {} http { access_log off; server { listen 8080; } }`,
  );
  writeFileSync(join(folder, 'f-stack.conf'), ini());
  const right = run(['-t', '-p', folder, '-c', conf]);
  t.equal(right.status, 0);
  t.match(
    right.output,
    /workers run on F-Stack, as .*f-stack.conf says\n.*a reload ends connections .* an upgrade/,
  );

  writeFileSync(join(folder, 'f-stack.conf'), ini().replace('lcore_mask=1', 'lcore_mask=3'));
  const wrong = run(['-t', '-p', folder, '-c', conf]);
  t.equal(wrong.status, 1);
  t.match(wrong.output, /"lcore_mask" value "3" has 2 lcores for 1 "worker_processes".* in .*f-stack.conf:2/);
});
