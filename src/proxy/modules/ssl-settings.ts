/** Directives that http's, stream's and mail's ssl modules have in common, and upstreams' too. */
import type { Contexts } from '../conf/contexts.ts';
import { ONE } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Statement } from '../conf/statement.ts';
import { parseNumber, parseSeconds } from '../conf/units.ts';
import { type Directive, directive, type Setting, setting } from './directive.ts';
import { readNamedFile } from './named-file.ts';

/** `ssl_password_file`: pass phrases for keys, one a line. */
export function passwordFile(name: string, contexts: Contexts): Directive<readonly string[]> {
  return directive({
    name,
    contexts,
    args: ONE,
    read(statement, context) {
      const lines = readFile(statement, context).split('\n');
      const found = lines.map((line) => line.replace(/\r$/, '')).filter((line) => line !== '');
      return found.length > 0 ? found : [''];
    },
  });
}

export interface CertificateCache {
  readonly max: number;
  /** Seconds without use until a certificate is dropped, and until its file is looked at again. */
  readonly inactive: number;
  readonly valid: number;
}

/** `ssl_certificate_cache`: of certificates whose names have variables. */
export function certificateCache(
  name: string,
  contexts: Contexts,
): Setting<CertificateCache | undefined, undefined> {
  return setting({ name, contexts, args: [1, 3], fallback: undefined, read: readCertificateCache });
}

function readCertificateCache(statement: Statement): CertificateCache | undefined {
  const cache = { max: 0, inactive: 10, valid: 60 };
  let off = false;
  for (let word = 1; word < statement.words.length; word++) {
    const said = statement.word(word);
    const [, key, value = ''] = /^(max|inactive|valid)=(.*)$/.exec(said) ?? [];
    const parsed = key === 'max' ? parseNumber(value) || undefined : parseSeconds(value);
    if (said === 'off') off = true;
    else if (key === undefined || parsed === undefined)
      throw statement.fail(`invalid parameter "${said}"`, word);
    else cache[key as keyof typeof cache] = parsed;
  }
  if (off) return undefined;
  if (cache.max === 0) throw statement.fail(`"${statement.name}" must have the "max" parameter`);
  return cache;
}

/** `ssl_session_ticket_key`: 48 or 80 random bytes. */
export function readTicketKey(statement: Statement, context: ReadContext): string {
  const key = readFile(statement, context);
  if (key.length === 48 || key.length === 80) return key;
  const full = context.paths.besideConfiguration(statement.word(1));
  throw statement.fail(`"${full}" must be 48 or 80 bytes`, 1);
}

/** `ssl_conf_command`: https://docs.openssl.org/3.5/man3/SSL_CONF_cmd/#supported-configuration-file-commands */
export function readConfCommand(
  statement: Statement,
  { paths }: ReadContext,
): { name: string; value: string } {
  const name = statement.word(1);
  const value = statement.word(2);
  const isPath = /^(Certificate|PrivateKey|ServerInfoFile|DHParameters|\w+CA(File|Path|Store))$/i.test(name);
  return { name, value: isPath ? paths.besideConfiguration(value) : value };
}

/** A file beside the configuration, a character a byte. */
function readFile(statement: Statement, { paths }: ReadContext): string {
  return readNamedFile(paths.besideConfiguration(statement.word(1)), statement).toString('latin1');
}
