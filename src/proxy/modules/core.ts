/** The main context: https://nginx.org/en/docs/ngx_core_module.html */

import type { ProcessSettings, UserSettings } from '../cluster/settings.ts';
import type { Compiler } from '../conf/compile/compiler.ts';
import { MAIN, ONE, ONE_OR_MORE, ONE_OR_TWO } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseNumber } from '../conf/units.ts';
import { directive, flag, list, number, offset, setting, text, time } from './directive.ts';
import { errorLog } from './error-log.ts';
import { workerStack } from './fstack.ts';
import { loadModule } from './load-module.ts';
import type { Module } from './module.ts';

/** `cpu_set_t` has this many bits. */
const MOST_CPUS = 1024;

/** The id of a user that the machine doesn't have. */
const UNKNOWN = -1;

const daemon = flag('daemon', MAIN, true);
const masterProcess = flag('master_process', MAIN, true);
const pid = text('pid', MAIN, undefined);
const user = directive({ name: 'user', contexts: MAIN, args: ONE_OR_TWO, read: readUser });
const workerProcesses = setting({
  name: 'worker_processes',
  contexts: MAIN,
  args: ONE,
  fallback: 1,
  read: readWorkers,
});
const workerCpuAffinity = directive({
  name: 'worker_cpu_affinity',
  contexts: MAIN,
  args: ONE_OR_MORE,
  read: readAffinity,
});
const workerPriority = directive({ name: 'worker_priority', contexts: MAIN, args: ONE, read: readPriority });
const workerRlimitNofile = number('worker_rlimit_nofile', MAIN, undefined);
const workerRlimitCore = offset('worker_rlimit_core', MAIN, undefined);
export const workerShutdownTimeout = time('worker_shutdown_timeout', MAIN, 0);
const workingDirectory = text('working_directory', MAIN, undefined);
const env = list('env', MAIN, ONE, (statement) => statement.word(1));

export const core: Module = {
  name: 'core',
  directives: [
    daemon,
    masterProcess,
    pid,
    user,
    workerProcesses,
    workerCpuAffinity,
    workerPriority,
    workerRlimitNofile,
    workerRlimitCore,
    workerShutdownTimeout,
    workingDirectory,
    env,
    errorLog,
    loadModule,
  ],
};

/** What the master needs of the main context. */
export function processSettings(main: Scope, compiler: Compiler): ProcessSettings {
  const alone = main.find(masterProcess);
  const workers = alone?.value === false ? 1 : main.get(workerProcesses);
  const affinity = main.find(workerCpuAffinity);
  const masks =
    affinity && (affinity.value.auto ? spread(affinity.value.masks[0], workers) : affinity.value.masks);
  if (
    affinity &&
    !affinity.value.auto &&
    affinity.value.masks.length > 1 &&
    affinity.value.masks.length !== workers
  ) {
    const advice = 'using last mask for remaining worker processes';
    compiler.diagnostics.reportBare(
      'warn',
      `the number of "worker_processes" is not equal to the number of "worker_cpu_affinity" masks, ${advice}`,
      affinity.statement.place(),
    );
  }
  if (alone?.value === false) {
    compiler.diagnostics.report(
      'notice',
      '"master_process off": one worker serves, as the user who starts it, below a master all the same',
      alone.statement.place(),
    );
  }
  const nofile = main.get(workerRlimitNofile);
  const core = main.get(workerRlimitCore);
  const priority = main.find(workerPriority)?.value;
  const directory = main.get(workingDirectory);
  const stack = compiler.diagnostics.attempt(() => workerStack(main, workers, compiler));
  return {
    daemon: main.get(daemon),
    masterProcess: main.get(masterProcess),
    pid: compiler.paths.full(main.get(pid) ?? compiler.defaults.pid),
    user: main.find(user)?.value ?? builtInUser(compiler),
    workerProcesses: workers,
    env: main.all(env).map(({ value }) => value),
    ...(masks && { workerCpuAffinity: masks }),
    ...(nofile !== undefined && { workerRlimitNofile: nofile }),
    ...(core !== undefined && { workerRlimitCore: core }),
    ...(priority !== undefined && { workerPriority: priority }),
    ...(directory !== undefined && { workingDirectory: directory }),
    ...(stack && { stack }),
  };
}

function readUser(statement: Statement, { platform, warn }: ReadContext): UserSettings | undefined {
  if (!platform.superuser) {
    const condition = 'makes sense only if the master process runs with super-user privileges, ignored';
    warn(statement, `the "user" directive ${condition}`);
    return undefined;
  }
  const name = statement.word(1);
  const uid = platform.userId(name);
  if (uid === undefined) throw statement.fail(`getpwnam("${name}") failed`, 1);
  const group = statement.words[2] ?? name;
  const gid = platform.groupId(group);
  if (gid === undefined) throw statement.fail(`getgrnam("${group}") failed`, statement.words.length - 1);
  return { name, uid, gid };
}

/** Whom workers become if no `user` says. */
function builtInUser({ platform, defaults }: Compiler): UserSettings {
  const { user: name, group } = defaults;
  return { name, uid: platform.userId(name) ?? UNKNOWN, gid: platform.groupId(group) ?? UNKNOWN };
}

/** Only root can become somebody else, and then there must be such a user. */
export function checkUser({ uid, gid }: UserSettings, { platform, defaults, diagnostics }: Compiler): void {
  if (!platform.superuser) return;
  if (uid === UNKNOWN) diagnostics.reportBare('emerg', `getpwnam("${defaults.user}") failed`);
  else if (gid === UNKNOWN) diagnostics.reportBare('emerg', `getgrnam("${defaults.group}") failed`);
}

function readWorkers(statement: Statement, { platform }: ReadContext): number {
  if (statement.word(1) === 'auto') return platform.cpus;
  const workers = parseNumber(statement.word(1));
  if (workers === undefined) throw statement.failDirective('invalid value', 1);
  return workers;
}

function readPriority(statement: Statement): number {
  const [, sign, digits = ''] = /^([-+]?)(.*)$/s.exec(statement.word(1)) ?? [];
  const priority = parseNumber(digits);
  if (priority === undefined) throw statement.failDirective('invalid number', 1);
  return sign === '-' ? -priority : priority;
}

interface Affinity {
  /** One CPU of the mask for each worker. */
  readonly auto: boolean;
  /** CPU numbers. */
  readonly masks: readonly (readonly number[])[];
}

function readAffinity(statement: Statement, { platform }: ReadContext): Affinity {
  const [, first, ...rest] = statement.words;
  const auto = first === 'auto';
  if (auto && rest.length > 1) {
    throw statement.fail('invalid number of arguments in "worker_cpu_affinity" directive');
  }
  const words = auto ? rest : statement.words.slice(1);
  const masks = words.map((mask, index) => readMask(mask, statement, index + (auto ? 2 : 1)));
  if (auto && masks.length === 0) masks.push(Array.from({ length: platform.cpus }, (_, cpu) => cpu));
  return { auto, masks };
}

/** Bits as nginx writes them: the last one is CPU 0. */
function readMask(mask: string, statement: Statement, word: number): number[] {
  if (mask.length > MOST_CPUS) {
    throw statement.fail(`"worker_cpu_affinity" supports up to ${MOST_CPUS} CPUs only`, word);
  }
  const cpus: number[] = [];
  for (const [cpu, bit] of [...mask.replaceAll(' ', '')].toReversed().entries()) {
    if (bit !== '0' && bit !== '1')
      throw statement.fail(`invalid character "${bit}" in "worker_cpu_affinity"`, word);
    if (bit === '1') cpus.push(cpu);
  }
  return cpus;
}

function spread(cpus: readonly number[] | undefined, workers: number): number[][] | undefined {
  if (!cpus || cpus.length === 0) return undefined;
  return Array.from({ length: workers }, (_, worker) => [cpus[worker % cpus.length] ?? 0]);
}
