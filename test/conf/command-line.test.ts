import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { CommandLineError, parseCommandLine } from '../../src/proxy/command-line.ts';
import { folder } from './configuration.ts';

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = new URL('../../src/proxy/main.ts', import.meta.url).pathname;

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', MAIN, ...args], {
    encoding: 'latin1',
    env: { ...process.env, ...env },
  });
  return { code: status, stdout, stderr };
}

t.test('options stand alone, together, and with values right behind or apart', async (t) => {
  t.same(parseCommandLine([]), {});
  t.same(parseCommandLine(['-tq', '-c', 'a']), { test: true, quiet: true, configuration: 'a' });
  t.same(parseCommandLine(['-tca', '-pb', '-e', 'stderr']), {
    test: true,
    configuration: 'a',
    prefix: 'b',
    errorLog: '',
  });
  t.same(parseCommandLine(['-T', '-g', 'pid a;']), { test: true, dump: true, directives: 'pid a;' });
  t.same(parseCommandLine(['-sreload']), { signal: 'reload' });
  t.same(parseCommandLine(['-Vh']), { show: 'help' });
  t.same(parseCommandLine(['-p', 'ä']), { prefix: '\xc3\xa4' }, 'a character a byte');
});

t.test('what is no option is refused in nginx’s words', async (t) => {
  const cases: [string[], string][] = [
    [['x'], 'invalid option: "x"'],
    [['-tx'], 'invalid option: "x"'],
    [['-s', 'foo'], 'invalid option: "-s foo"'],
    [['-s'], 'option "-s" requires parameter'],
    [['-c'], 'option "-c" requires file name'],
    [['-e'], 'option "-e" requires file name'],
    [['-p'], 'option "-p" requires directory name'],
    [['-g'], 'option "-g" requires parameter'],
  ];
  for (const [args, message] of cases) t.throws(() => parseCommandLine(args), new CommandLineError(message));
  t.same(run(['-x']), { code: 1, stdout: '', stderr: 'nginx: invalid option: "x"\n' });
});

t.test('versions and help need no configuration and no addon', async (t) => {
  const env = { SLUICE_ADDON: '/nonexistent' };
  t.same(run(['-v'], env), { code: 0, stdout: '', stderr: 'nginx version: nginx/1.31.5\n' });
  const build = run(['-V'], env).stderr.split('\n');
  t.equal(build[0], 'nginx version: nginx/1.31.5');
  t.match(build[1], /^sluice\/\d/);
  t.match(build[2], /^built with OpenSSL 3\.\d/);
  t.equal(build[3], 'TLS SNI support enabled');
  t.match(build[4], /F-Stack/);
  t.match(build[5], /^configure arguments: --prefix=/);
  t.match(
    run(['-h'], env).stderr,
    /^nginx version: nginx\/1\.31\.5\nUsage: nginx \[-\?hvVtTq\] \[-s signal\]/,
  );
});

t.test('-t says that a configuration is good, or all that is wrong with it', async (t) => {
  const { path, remove } = folder({
    good: 'events { accept_mutex on; }\npid run.pid;',
    bad: 'events {}\nfoo;\nbar;',
  });
  t.teardown(remove);
  const test = (...args: string[]): Run => run(['-p', path, '-e', 'error.log', ...args]);
  t.same(test('-t', '-c', 'good'), {
    code: 0,
    stdout: '',
    stderr:
      `nginx: the configuration file ${path}/good syntax is ok\n` +
      `nginx: configuration file ${path}/good test is successful\n` +
      `nginx: [notice] "accept_mutex" directive has no effect: workers are woken one at a time by the kernel in ${path}/good:1\n`,
  });
  t.same(test('-tq', '-c', 'good'), { code: 0, stdout: '', stderr: '' });
  t.match(
    readFileSync(`${path}/error.log`, 'latin1'),
    /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[notice\] (\d+)#\1: "accept_mutex"/,
  );
  const bad = test('-t', '-c', 'bad');
  t.equal(bad.code, 1);
  t.same(
    bad.stderr.split('\n').filter((line) => line.startsWith('nginx:')),
    [
      `nginx: [emerg] unknown directive "foo" in ${path}/bad:2`,
      `nginx: [emerg] unknown directive "bar" in ${path}/bad:3`,
      `nginx: configuration file ${path}/bad test failed`,
    ],
  );
  writeFileSync(`${path}/empty`, '');
  t.equal(
    test('-t', '-c', 'empty').stderr,
    `nginx: the configuration file ${path}/empty syntax is ok\n` +
      'nginx: [emerg] no "events" section in configuration\n' +
      `nginx: configuration file ${path}/empty test failed\n`,
  );
  t.match(test('-t', '-c', 'none'), {
    code: 1,
    stderr: `nginx: [emerg] open() "${path}/none" failed (2: No such file or directory)\n`,
  });
});

t.test('-T writes the bytes of every file, once', async (t) => {
  const { path, remove } = folder({
    'nginx.conf': 'events {}\npid p; include a*; #\xff',
    a1: '# one\n',
    a2: 'include a1;\n',
  });
  t.teardown(remove);
  const { stdout } = run(['-T', '-q', '-p', `${path}/`, '-c', 'nginx.conf', '-e', 'error.log']);
  const file = (name: string, text: string): string => `# configuration file ${path}/${name}:\n${text}\n`;
  t.equal(
    stdout,
    file('nginx.conf', 'events {}\npid p; include a*; #\xff') +
      file('a1', '# one\n') +
      file('a2', 'include a1;\n'),
  );
});

t.test('-s signals the process that the pid file names', async (t) => {
  const { path, remove } = folder({ 'nginx.conf': 'events {}\npid p;' });
  t.teardown(remove);
  const signal = (name: string): Run => run(['-p', path, '-c', 'nginx.conf', '-e', 'error.log', '-s', name]);
  const missing = `nginx: [error] open() "${path}/p" failed (2: No such file or directory)\n`;
  t.same(signal('stop'), { code: 1, stdout: '', stderr: missing });
  writeFileSync(`${path}/p`, 'x\n');
  t.equal(signal('stop').stderr, `nginx: [error] invalid PID number "x" in "${path}/p"\n`);
  for (const [name, expected] of [
    ['stop', 'SIGTERM'],
    ['reload', 'SIGHUP'],
    ['quit', 'SIGQUIT'],
    ['reopen', 'SIGUSR1'],
  ]) {
    const master = spawn('sleep', ['60']);
    const ended = once(master, 'exit');
    writeFileSync(`${path}/p`, `${master.pid}\n`);
    t.same(signal(name ?? ''), { code: 0, stdout: '', stderr: '' });
    t.same(await ended, [null, expected]);
    if (name === 'stop')
      t.match(signal(name).stderr, /^nginx: \[alert\] kill\(\d+, 15\) failed \(3: No such process\)\n$/);
  }
});
