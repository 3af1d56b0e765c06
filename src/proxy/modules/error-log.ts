import { HTTP_SERVER_LOCATION, MAIN, ONE_OR_MORE } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Statement } from '../conf/statement.ts';
import { parseSyslog } from '../conf/syslog.ts';
import type { LogLevel, SyslogPlan } from '../plan/plan.ts';
import { list } from './directive.ts';

/** Where error messages go. */
export type ErrorLogTarget = { readonly level: LogLevel } & (
  | { readonly file: string }
  | { readonly stderr: true }
  | { readonly syslog: SyslogPlan }
);

const LEVELS: readonly LogLevel[] = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];
const DEBUG_LEVELS = [
  'debug_core',
  'debug_alloc',
  'debug_mutex',
  'debug_event',
  'debug_http',
  'debug_mail',
  'debug_stream',
];

/** https://nginx.org/en/docs/ngx_core_module.html#error_log */
export const errorLog = list('error_log', MAIN | HTTP_SERVER_LOCATION, ONE_OR_MORE, readErrorLog);

function readErrorLog(statement: Statement, { platform }: ReadContext): ErrorLogTarget {
  const level = readLevel(statement);
  const target = statement.word(1);
  if (target === 'stderr') return { level, stderr: true };
  if (target.startsWith('memory:')) throw statement.fail('nginx was built without debug support', 1);
  if (target.startsWith('syslog:')) return { level, syslog: parseSyslog(statement, platform, 1) };
  return { level, file: target };
}

function readLevel(statement: Statement): LogLevel {
  const [, , ...words] = statement.words;
  let level: LogLevel | undefined;
  for (const [index, word] of words.entries()) {
    const known = DEBUG_LEVELS.includes(word) ? 'debug' : LEVELS.find((each) => each === word);
    if (known === undefined) throw statement.fail(`invalid log level "${word}"`, index + 2);
    if (level !== undefined && !word.startsWith('debug_')) {
      throw statement.fail(`duplicate log level "${word}"`, index + 2);
    }
    level = known;
  }
  return level ?? 'error';
}
