/** http_core's directives about files: where they are, what types they have, and which page stands for an error. */

import type { Compiler } from '../conf/compile/compiler.ts';
import {
  HTTP_SERVER_LOCATION,
  LOCATION,
  LOCATION_IF,
  NO_ARGS,
  ONE,
  ONE_OR_TWO,
  TWO_OR_MORE,
} from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseNumber, parseSeconds } from '../conf/units.ts';
import type { Index, Template } from '../plan/plan.ts';
import { directive, list, setting } from './directive.ts';
import { locationMatch } from './location.ts';

export const root = directive({
  name: 'root',
  contexts: HTTP_SERVER_LOCATION | LOCATION_IF,
  args: ONE,
  read: (statement, context) => readRoot(statement, context, false),
});

export const alias = directive({
  name: 'alias',
  contexts: LOCATION,
  args: ONE,
  read: (statement, context) => readRoot(statement, context, true),
});

export interface RootPlan {
  readonly path: Template;
  /** `alias`: how much of the URI the path stands for, in bytes; -1 for all of it (a location by expression). */
  readonly alias?: number;
}

function readRoot(statement: Statement, { scope }: ReadContext, isAlias: boolean): string {
  const other = scope.has(isAlias ? root : alias);
  if (other)
    throw statement.failDirective(
      `is duplicate, "${isAlias ? 'root' : 'alias'}" directive was specified earlier`,
    );
  if (isAlias && locationMatch(scope)?.kind === 'named') {
    throw statement.fail('the "alias" directive cannot be used inside the named location');
  }
  const path = statement.word(1);
  for (const variable of ['document_root', 'realpath_root']) {
    if (path.includes(`$${variable}`) || path.includes(`\${${variable}}`)) {
      throw statement.fail(
        `the $${variable} variable cannot be used in the "${statement.name}" directive`,
        1,
      );
    }
  }
  return isAlias || !path.endsWith('/') ? path : path.slice(0, -1);
}

/** The nearest `root` or `alias`, whichever is said. */
export function rootPlan(scope: Scope, compiler: Compiler): RootPlan {
  for (let block: Scope | undefined = scope; block; block = block.parent) {
    const said = block.own(alias)[0] ?? block.own(root)[0];
    if (!said) continue;
    const path = compiler.path(said.value, said.statement);
    if (said.directive !== alias) return { path };
    const match = locationMatch(block);
    return { path, alias: match?.kind === 'regex' ? -1 : (match?.name.length ?? 0) };
  }
  return { path: compiler.paths.full('html') };
}

type TypeEntry = readonly [extension: string, type: string];

const DEFAULT_TYPES: readonly TypeEntry[] = [
  ['html', 'text/html'],
  ['gif', 'image/gif'],
  ['jpg', 'image/jpeg'],
];

/** Entries `type extension …`; blocks of the same level add up. */
export const types = directive({
  name: 'types',
  contexts: HTTP_SERVER_LOCATION,
  args: NO_ARGS,
  repeats: true,
  body: { of: 'entries', includes: true },
  read: readTypes,
});

function readTypes(_: Statement, context: ReadContext): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const entry of context.entries) {
    const [type = '', ...extensions] = entry.words;
    for (const [index, word] of extensions.entries()) {
      const extension = word.toLowerCase();
      const before = found.get(extension);
      if (before !== undefined) {
        const both = `content type: "${type}", previous content type: "${before}"`;
        context.warn(entry, `duplicate extension "${extension}", ${both}`, index + 1);
      }
      found.set(extension, type);
    }
  }
  return found;
}

/** The distinct lists of a configuration: blocks under the same `types` share one, by position. */
class TypeLists {
  readonly plan: (readonly TypeEntry[])[] = [];
  readonly #positions = new Map<unknown, Index>();

  add(scope: Scope): Index {
    const entries = scope.all(types);
    const first = entries[0];
    let position = this.#positions.get(first);
    if (position === undefined) {
      const list = first ? [...new Map(entries.flatMap(({ value }) => [...value]))] : DEFAULT_TYPES;
      position = this.plan.push(list) - 1;
      this.#positions.set(first, position);
    }
    return position;
  }
}

const typeLists = new WeakMap<Compiler, TypeLists>();

export function typeListsOf(compiler: Compiler): TypeLists {
  const lists = typeLists.get(compiler) ?? new TypeLists();
  typeLists.set(compiler, lists);
  return lists;
}

export interface ErrorPage {
  readonly statuses: readonly number[];
  readonly uri: string;
  /** `=`: 0 for the status of the page itself; absent: the original status stays. */
  readonly overwrite?: number;
}

export interface ErrorPagePlan {
  readonly status: number;
  readonly uri: Template;
  readonly overwrite?: number;
}

export const errorPage = list('error_page', HTTP_SERVER_LOCATION | LOCATION_IF, TWO_OR_MORE, readErrorPage);

/** Statuses that nginx makes up for itself, and shows as 400. */
const SHOWN_AS_BAD_REQUEST = [494, 495, 496, 497];

function readErrorPage(statement: Statement): ErrorPage {
  const { words } = statement;
  const last = words.length - 1;
  const changes = statement.word(last - 1).startsWith('=');
  if (changes && last === 2) throw statement.fail(`invalid value "${statement.word(1)}"`, 1);
  const statuses = words.slice(1, changes ? last - 1 : last).map((word, index) => {
    const status = parseNumber(word);
    if (status === undefined || status === 499) throw statement.fail(`invalid value "${word}"`, index + 1);
    if (status < 300 || status > 599) {
      throw statement.fail(`value "${word}" must be between 300 and 599`, index + 1);
    }
    return status;
  });
  const uri = statement.word(last);
  if (!changes) return { statuses, uri };
  const text = statement.word(last - 1).slice(1);
  const overwrite = text === '' ? 0 : parseNumber(text);
  if (overwrite === undefined) throw statement.fail(`invalid value "=${text}"`, last - 1);
  return { statuses, uri, overwrite };
}

export function errorPagesPlan(scope: Scope, compiler: Compiler): ErrorPagePlan[] {
  return scope.all(errorPage).flatMap(({ value, statement }) => {
    const uri = compiler.template(value.uri, statement, statement.words.length - 1);
    return value.statuses.map((status) => {
      const overwrite = value.overwrite ?? (SHOWN_AS_BAD_REQUEST.includes(status) ? 400 : undefined);
      return { status, uri, ...(overwrite !== undefined && { overwrite }) };
    });
  });
}

export interface OpenFileCache {
  readonly max: number;
  /** Milliseconds. */
  readonly inactive: number;
}

export const openFileCache = setting<OpenFileCache | undefined, undefined>({
  name: 'open_file_cache',
  contexts: HTTP_SERVER_LOCATION,
  args: ONE_OR_TWO,
  fallback: undefined,
  read: readOpenFileCache,
});

function readOpenFileCache(statement: Statement): OpenFileCache | undefined {
  let max = 0;
  let inactive = 60;
  let off = false;
  for (const [index, word] of statement.words.entries()) {
    if (index === 0) continue;
    const [, name, value = ''] = /^(max|inactive)=(.*)$/s.exec(word) ?? [];
    const parsed = name === 'max' ? parseNumber(value) || undefined : name ? parseSeconds(value) : undefined;
    if (word === 'off') off = true;
    else if (parsed === undefined)
      throw statement.fail(`invalid "open_file_cache" parameter "${word}"`, index);
    else if (name === 'max') max = parsed;
    else inactive = parsed;
  }
  if (off) return undefined;
  if (max === 0) throw statement.fail('"open_file_cache" must have the "max" parameter');
  return { max, inactive: inactive * 1000 };
}

export type DisableSymlinks = { readonly check: 'off' | 'on' | 'if_not_owner'; readonly from?: string };

export const disableSymlinks = setting<DisableSymlinks, DisableSymlinks>({
  name: 'disable_symlinks',
  contexts: HTTP_SERVER_LOCATION,
  args: ONE_OR_TWO,
  fallback: { check: 'off' },
  read: readDisableSymlinks,
});

function readDisableSymlinks(statement: Statement): DisableSymlinks {
  const checks = ['off', 'on', 'if_not_owner'] as const;
  const [, ...words] = statement.words;
  const from = words.find((word) => word.startsWith('from='))?.slice(5);
  for (const [index, word] of words.entries()) {
    if (!word.startsWith('from=') && !checks.some((each) => each === word)) {
      throw statement.fail(`invalid parameter "${word}"`, index + 1);
    }
  }
  const check = checks.findLast((each) => words.includes(each));
  if (!check) throw statement.fail('"disable_symlinks" must have "off", "on" or "if_not_owner" parameter');
  if (words.length === 1) return { check };
  if (from === undefined) throw statement.fail(`duplicate parameters "${words[0]} ${words[1]}"`, 1);
  if (check === 'off') throw statement.fail('"from=" cannot be used with "off" parameter');
  return { check, from };
}
