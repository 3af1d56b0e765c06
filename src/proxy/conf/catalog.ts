/**
 * Every directive of open-source nginx, so that one which no module implements yet is still checked for its place
 * and arguments, and told apart from a misspelt one.
 */
import { CORE } from './catalog/core.ts';
import { HTTP_MODULES } from './catalog/http.ts';
import { STREAM_AND_MAIL } from './catalog/stream-mail.ts';
import type { Arity, Contexts } from './contexts.ts';

/** Module, contexts, arguments, names (separated by blanks) and whether they open a block. */
export type CatalogRow = readonly [string, Contexts, Arity, string, 'block'?];

export interface KnownDirective {
  readonly name: string;
  /** As nginx's build calls it, without `ngx_` and `_module`. */
  readonly module: string;
  readonly contexts: Contexts;
  readonly args: Arity;
  readonly block: boolean;
}

const byName = new Map<string, KnownDirective[]>();
for (const [module, contexts, args, names, block] of [...CORE, ...HTTP_MODULES, ...STREAM_AND_MAIL]) {
  for (const name of names.split(/\s+/)) {
    const known = byName.get(name) ?? [];
    known.push({ name, module, contexts, args, block: block === 'block' });
    byName.set(name, known);
  }
}

/** All directives of a name: several modules may share one. */
export function knownDirectives(name: string): readonly KnownDirective[] {
  return byName.get(name) ?? [];
}

export function knownNames(): Iterable<string> {
  return byName.keys();
}
