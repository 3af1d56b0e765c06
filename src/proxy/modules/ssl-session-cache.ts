import type { Statement } from '../conf/statement.ts';
import { parseNumber, parseSize } from '../conf/units.ts';

/** `ssl_session_cache`: https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_session_cache */
export interface SessionCache {
  readonly kind: 'off' | 'none' | 'builtin' | 'shared';
  /** How many are kept; absent: OpenSSL's own default. */
  readonly sessions?: number;
  readonly zone?: { readonly name: string; readonly size: number };
}

const LEAST_ZONE = 8 * 4096;
/** One megabyte holds about 4000 sessions. */
const SESSION_SIZE = 256;

/** Of several kinds a shared zone counts before what each worker keeps, else the last. */
export function readSessionCache(statement: Statement): SessionCache {
  let cache: SessionCache = { kind: 'none' };
  let shared: SessionCache | undefined;
  for (let word = 1; word < statement.words.length; word++) {
    const said = statement.word(word);
    if (said === 'off' || said === 'none' || said === 'builtin') cache = { kind: said };
    else if (said.startsWith('builtin:')) {
      const sessions = parseNumber(said.slice('builtin:'.length));
      if (sessions === undefined) throw statement.fail(`invalid session cache "${said}"`, word);
      cache = { kind: 'builtin', sessions };
    } else shared = readShared(said, statement, word);
  }
  return shared ?? cache;
}

function readShared(said: string, statement: Statement, word: number): SessionCache {
  const [, name, sizeText] = /^shared:([^:]+):(.+)$/.exec(said) ?? [];
  const size = sizeText === undefined ? undefined : parseSize(sizeText);
  if (name === undefined || size === undefined) throw statement.fail(`invalid session cache "${said}"`, word);
  if (size < LEAST_ZONE) throw statement.fail(`session cache "${said}" is too small`, word);
  return { kind: 'shared', sessions: Math.ceil(size / SESSION_SIZE), zone: { name, size } };
}
