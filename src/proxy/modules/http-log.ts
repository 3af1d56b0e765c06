/** https://nginx.org/en/docs/http/ngx_http_log_module.html */
import type { Compiler } from '../conf/compile/compiler.ts';
import { HTTP, HTTP_SERVER_LOCATION, LIMIT_EXCEPT, LOCATION_IF, ONE_OR_MORE } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseSyslog } from '../conf/syslog.ts';
import { parseMilliseconds, parseNumber, parseSeconds, parseSize } from '../conf/units.ts';
import type { ModuleConf } from '../plan/http.ts';
import type { SyslogPlan } from '../plan/plan.ts';
import { directive, list } from './directive.ts';
import { serverBlock } from './http-core-blocks.ts';
import { COMBINED, type LogFormat, logFormat } from './log-format.ts';
import { type LogBuffer, logTablesOf } from './log-tables.ts';
import type { HttpModule } from './module.ts';

interface AccessLog {
  readonly target: { readonly syslog: SyslogPlan } | { readonly name: string };
  readonly format: LogFormat;
  readonly buffer?: LogBuffer;
  /** `if=`, with its word. */
  readonly condition?: { readonly text: string; readonly word: number };
}

const CONTEXTS = HTTP_SERVER_LOCATION | LOCATION_IF | LIMIT_EXCEPT;
const DEFAULT_BUFFER = 64 * 1024;

const accessLog = list('access_log', CONTEXTS, ONE_OR_MORE, readAccessLog);
const openLogFileCache = directive({
  name: 'open_log_file_cache',
  contexts: HTTP_SERVER_LOCATION,
  args: [1, 4],
  read: readLogFileCache,
});

export const httpLog: HttpModule = {
  name: 'http_log',
  directives: [logFormat, accessLog, openLogFileCache],
  compileBlock,
  compileMain: (http, compiler) => {
    const tables = logTablesOf(compiler);
    // a format that nobody uses is checked all the same
    for (const { value } of http.own(logFormat)) tables.format(value);
    return tables.plan();
  },
};

function compileBlock(scope: Scope, compiler: Compiler): ModuleConf {
  const tables = logTablesOf(compiler);
  const entries = scope.all(accessLog);
  const cache = scope.find(openLogFileCache)?.value;
  if (entries.length === 0) {
    if (scope.context === HTTP && !needsDefault(scope)) return { logs: [] };
    return {
      logs: [{ format: tables.format(COMBINED), file: tables.file(compiler.defaults.httpLog) }],
      cache,
    };
  }
  if (entries.some(({ value }) => value === 'off')) return { logs: [] };
  const logs = entries.flatMap(({ value: log, statement }) => {
    if (log === 'off') return [];
    const { target, condition } = log;
    return {
      format: tables.format(log.format),
      if: condition && compiler.template(condition.text, statement, condition.word),
      ...('syslog' in target
        ? { syslog: tables.syslog(target.syslog), severity: target.syslog.severity }
        : target.name.includes('$')
          ? { path: compiler.template(compiler.paths.full(target.name), statement, 1) }
          : { file: tables.file(target.name, log.buffer, statement) }),
    };
  });
  return { logs, cache };
}

/** The default file is opened only if some server writes to it. */
function needsDefault(http: Scope): boolean {
  return http.blocks(serverBlock).some((server) => !server.has(accessLog));
}

function readAccessLog(statement: Statement, context: ReadContext): AccessLog | 'off' {
  const name = statement.word(1);
  if (name === 'off') {
    if (statement.words.length > 2) throw statement.fail(`invalid parameter "${statement.word(2)}"`, 2);
    return 'off';
  }
  const target = name.startsWith('syslog:')
    ? { syslog: parseSyslog(statement, context.platform, 1) }
    : { name };
  const format = findFormat(statement, context.scope);
  const { buffer, condition } = readParameters(statement);
  if (buffer && name.includes('$') && !('syslog' in target)) {
    throw statement.fail('buffered logs cannot have variables in name', 1);
  }
  if (buffer && 'syslog' in target) throw statement.fail('logs to syslog cannot be buffered', 1);
  return { target, format, ...(buffer && { buffer }), ...(condition && { condition }) };
}

/** Formats count from where they are written. */
function findFormat(statement: Statement, scope: Scope): LogFormat {
  const name = statement.words[2] ?? COMBINED.name;
  const known =
    scope
      .enclosing(HTTP)
      ?.own(logFormat)
      .map(({ value }) => value) ?? [];
  const found = [COMBINED, ...known].find((format) => format.name.toLowerCase() === name.toLowerCase());
  if (!found) throw statement.fail(`unknown log format "${name}"`, 2);
  return found;
}

function readParameters(statement: Statement): Pick<AccessLog, 'buffer' | 'condition'> {
  let size = 0;
  let flush = 0;
  let gzip = 0;
  let condition: AccessLog['condition'];
  for (let word = 3; word < statement.words.length; word++) {
    const [, name, value] = /^(buffer=|flush=|gzip$|gzip=|if=)(.*)$/s.exec(statement.word(word)) ?? [];
    switch (name) {
      case 'buffer=':
        size = parseSize(value ?? '') ?? 0;
        if (size === 0) throw statement.fail(`invalid buffer size "${value}"`, word);
        break;
      case 'flush=':
        flush = parseMilliseconds(value ?? '') ?? 0;
        if (flush === 0) throw statement.fail(`invalid flush time "${value}"`, word);
        break;
      case 'gzip':
      case 'gzip=':
        size ||= DEFAULT_BUFFER;
        gzip = name === 'gzip' ? 1 : (parseNumber(value ?? '') ?? 0);
        if (gzip < 1 || gzip > 9) throw statement.fail(`invalid compression level "${value}"`, word);
        break;
      case 'if=':
        condition = { text: value ?? '', word };
        break;
      default:
        throw statement.fail(`invalid parameter "${statement.word(word)}"`, word);
    }
  }
  if (flush && size === 0)
    throw statement.fail(`no buffer is defined for access_log "${statement.word(1)}"`, 1);
  return { ...(size && { buffer: { size, flush, gzip } }), ...(condition && { condition }) };
}

interface LogFileCache {
  readonly max: number;
  /** Milliseconds, as `valid`. */
  readonly inactive: number;
  readonly valid: number;
  readonly minUses: number;
}

function readLogFileCache(statement: Statement): LogFileCache | undefined {
  const found = { max: 0, inactive: 10, min_uses: 1, valid: 60 };
  let off = false;
  for (let word = 1; word < statement.words.length; word++) {
    const text = statement.word(word);
    const [, name, value = ''] = /^(max|inactive|min_uses|valid)=(.*)$/s.exec(text) ?? [];
    if (text === 'off') {
      off = true;
      continue;
    }
    const parsed = name === 'inactive' || name === 'valid' ? parseSeconds(value) : parseNumber(value);
    if (name === undefined || parsed === undefined) {
      throw statement.fail(`invalid "open_log_file_cache" parameter "${text}"`, word);
    }
    found[name as keyof typeof found] = parsed;
  }
  if (off) return undefined;
  if (found.max === 0) throw statement.fail('"open_log_file_cache" must have "max" parameter');
  const { max, inactive, valid, min_uses: minUses } = found;
  return { max, inactive: inactive * 1000, valid: valid * 1000, minUses };
}
