import { LOCATION, ONE_OR_TWO, SERVER } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { type Directive, directive } from './directive.ts';

/** Which requests a location is for. */
export interface LocationMatch {
  readonly kind: 'exact' | 'prefix' | 'regex' | 'named';
  /** Path, expression, or `@name`. */
  readonly name: string;
  readonly caseless?: boolean;
  /** `^~`: expressions are not tried if this is the longest prefix. */
  readonly noRegex?: boolean;
  /** Where the name stands in the statement. */
  readonly word: number;
}

/** https://nginx.org/en/docs/http/ngx_http_core_module.html#location */
export const location: Directive<LocationMatch> = directive({
  name: 'location',
  contexts: SERVER | LOCATION,
  args: ONE_OR_TWO,
  repeats: true,
  body: { of: 'directives', opens: () => LOCATION },
  read: readLocation,
});

/** The match of a location's own block. */
export function locationMatch(scope: Scope): LocationMatch | undefined {
  const { opener } = scope.enclosing(LOCATION) ?? {};
  // only `location` opens a block of that kind
  return opener && (opener.value as LocationMatch | undefined);
}

function readLocation(statement: Statement, { scope }: ReadContext): LocationMatch {
  const match = statement.words.length === 3 ? withModifier(statement) : joined(statement);
  if (scope.context === LOCATION) checkNesting(match, locationMatch(scope), statement);
  return match;
}

function withModifier(statement: Statement): LocationMatch {
  const name = statement.word(2);
  switch (statement.word(1)) {
    case '=':
      return { kind: 'exact', name, word: 2 };
    case '^~':
      return { kind: 'prefix', name, noRegex: true, word: 2 };
    case '~':
      return { kind: 'regex', name, caseless: false, word: 2 };
    case '~*':
      return { kind: 'regex', name, caseless: true, word: 2 };
    default:
      throw statement.fail(`invalid location modifier "${statement.word(1)}"`, 1);
  }
}

/** nginx allows the modifier to stand right before the name. */
function joined(statement: Statement): LocationMatch {
  const text = statement.word(1);
  if (text.startsWith('=')) return { kind: 'exact', name: text.slice(1), word: 1 };
  if (text.startsWith('^~')) return { kind: 'prefix', name: text.slice(2), noRegex: true, word: 1 };
  if (text.startsWith('~*')) return { kind: 'regex', name: text.slice(2), caseless: true, word: 1 };
  if (text.startsWith('~')) return { kind: 'regex', name: text.slice(1), caseless: false, word: 1 };
  if (text.startsWith('@')) return { kind: 'named', name: text, word: 1 };
  return { kind: 'prefix', name: text, word: 1 };
}

function checkNesting(match: LocationMatch, outer: LocationMatch | undefined, statement: Statement): void {
  if (!outer) return;
  const { name, kind, word } = match;
  if (outer.kind === 'exact') {
    throw statement.fail(`location "${name}" cannot be inside the exact location "${outer.name}"`, word);
  }
  if (outer.kind === 'named') {
    throw statement.fail(`location "${name}" cannot be inside the named location "${outer.name}"`, word);
  }
  if (kind === 'named')
    throw statement.fail(`named location "${name}" can be on the server level only`, word);
  if (kind !== 'regex' && !name.startsWith(outer.name)) {
    throw statement.fail(`location "${name}" is outside location "${outer.name}"`, word);
  }
}
