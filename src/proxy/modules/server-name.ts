import { hostname } from 'node:os';
import { ONE_OR_MORE, SERVER } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Statement } from '../conf/statement.ts';
import { list, structural, unshared } from './directive.ts';

/** A name that a server answers to, in lower case unless it is an expression. */
export type ServerName =
  | { readonly kind: 'name'; readonly text: string; readonly word: number }
  | { readonly kind: 'regex'; readonly pattern: string; readonly caseless: boolean; readonly word: number };

/** https://nginx.org/en/docs/http/server_names.html */
export const serverName = structural(unshared(list('server_name', SERVER, ONE_OR_MORE, readServerNames)));

function readServerNames(statement: Statement, context: ReadContext): readonly ServerName[] {
  return statement.words.slice(1).map((text, index) => readServerName(text, index + 1, statement, context));
}

function readServerName(text: string, word: number, statement: Statement, context: ReadContext): ServerName {
  if ((text.startsWith('*') && (text.length < 3 || text[1] !== '.')) || text === '.') {
    throw statement.fail(`server name "${text}" is invalid`, word);
  }
  if (text.includes('/')) context.warn(statement, `server name "${text}" has suspicious symbols`, word);
  if (text.startsWith('~')) {
    if (text.length === 1) throw statement.fail(`empty regex in server name "${text}"`, word);
    // names arrive in lower case: an expression with a capital could never match one otherwise
    return { kind: 'regex', pattern: text.slice(1), caseless: /[A-Z]/.test(text), word };
  }
  const name = text.toLowerCase() === '$hostname' ? hostname() : text;
  return { kind: 'name', text: name.toLowerCase(), word };
}
