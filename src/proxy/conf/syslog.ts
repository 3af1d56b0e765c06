import { hostname } from 'node:os';
import type { SyslogPlan } from '../plan/plan.ts';
import { parseAddress, resolveAddress } from './address.ts';
import type { Platform } from './platform.ts';
import type { Statement } from './statement.ts';

/** By number, RFC 3164 section 4.1.1; https://nginx.org/en/docs/syslog.html */
const FACILITIES = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'intern',
  'lpr',
  'news',
  'uucp',
  'clock',
  'authpriv',
  'ftp',
  'ntp',
  'audit',
  'alert',
  'cron',
  'local0',
  'local1',
  'local2',
  'local3',
  'local4',
  'local5',
  'local6',
  'local7',
];
const SEVERITIES = ['emerg', 'alert', 'crit', 'error', 'warn', 'notice', 'info', 'debug'];
const DEFAULT_PORT = 514;

/** `syslog:server=…,facility=…,tag=…`, the form that access_log and error_log take. */
export function parseSyslog(statement: Statement, platform: Platform, word: number): SyslogPlan {
  const seen = new Map<string, string>();
  for (const parameter of statement.word(word).slice('syslog:'.length).split(',')) {
    const [name = '', ...rest] = parameter.split('=');
    const valid = parameter === 'nohostname' || (rest.length > 0 && PARAMETERS.has(name));
    if (!valid) throw statement.fail(`unknown syslog parameter "${parameter}"`, word);
    if (seen.has(name)) throw statement.fail(`duplicate syslog "${name}"`, word);
    seen.set(name, rest.join('='));
  }
  const server = seen.get('server');
  if (server === undefined) throw statement.fail('no syslog server specified', word);
  const address = parseAddress(server, DEFAULT_PORT);
  if ('error' in address) throw statement.fail(`${address.error} in syslog server "${server}"`, word);
  const [resolved] = resolveAddress(address, platform);
  if (resolved === undefined) throw statement.fail(`host not found in syslog server "${server}"`, word);
  const tag = seen.get('tag') ?? 'nginx';
  if (!/^\w{1,32}$/.test(tag)) {
    const fault =
      tag.length > 32
        ? 'syslog tag length exceeds 32'
        : 'syslog "tag" only allows alphanumeric characters and underscore';
    throw statement.fail(fault, word);
  }
  const plan = {
    server: resolved,
    facility: position(FACILITIES, seen.get('facility') ?? 'local7', 'facility', statement, word),
    severity: position(SEVERITIES, seen.get('severity') ?? 'info', 'severity', statement, word),
    tag,
  };
  return seen.has('nohostname') ? plan : { ...plan, hostname: hostname().toLowerCase() };
}

const PARAMETERS = new Set(['server', 'facility', 'severity', 'tag']);

function position(
  known: readonly string[],
  value: string,
  what: string,
  statement: Statement,
  word: number,
): number {
  const index = known.indexOf(value);
  if (index < 0) throw statement.fail(`unknown syslog ${what} "${value}"`, word);
  return index;
}
