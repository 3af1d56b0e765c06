/**
 * Directives and how they are declared: a module's table is a list of what these functions return, and the same
 * value asks a block for what it says: `scope.get(proxyReadTimeout)`.
 */
import {
  type Arity,
  type Contexts,
  LIMIT_EXCEPT,
  LOCATION_IF,
  ONE,
  SERVER_IF,
  TWO,
} from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseMilliseconds, parseNumber, parseOffset, parseSeconds, parseSize } from '../conf/units.ts';

export interface Directive<out T> {
  readonly name: string;
  readonly contexts: Contexts;
  readonly args: Arity;
  /** May stand more than once in a block. */
  readonly repeats: boolean;
  /** What its words mean; throws `statement.fail(…)` where they mean nothing. */
  readonly read: (statement: Statement, context: ReadContext) => T;
  /** Whether a block that doesn't say it has its parent's. */
  readonly inherits: (scope: Scope) => boolean;
  /** Says what blocks there are, and nothing that a module's configuration of a block would hold. */
  readonly structural: boolean;
  readonly body?: Body;
}

export type Body =
  /** Directives, in a block of the kind `opens` says. */
  | { readonly of: 'directives'; readonly opens: (parent: Scope) => Contexts }
  /** Entries with a meaning of their own, as in `types` and `map`; `read` finds them in `context.entries`. */
  | { readonly of: 'entries'; readonly includes: boolean };

/** A directive that has a value even where no one says it; D is the type of that default. */
export interface Setting<out T, out D = T> extends Directive<T> {
  readonly fallback: D;
  /** What a number counts, for the reference. */
  readonly unit?: Unit;
}

export type Unit = 'bytes' | 'milliseconds' | 'seconds';

type Reader<T> = (statement: Statement, context: ReadContext) => T;

export interface DirectiveOptions<T> {
  readonly name: string;
  readonly contexts: Contexts;
  readonly args: Arity;
  readonly read: Reader<T>;
  readonly repeats?: boolean;
  readonly inherits?: (scope: Scope) => boolean;
  readonly structural?: boolean;
  readonly body?: Body;
}

const always = (): boolean => true;
const never = (): boolean => false;

/** A directive with a reader of its own. */
export function directive<T>(options: DirectiveOptions<T>): Directive<T> {
  return { repeats: false, inherits: always, structural: options.body?.of === 'directives', ...options };
}

/** As `directive`, with a default. */
export function setting<T, D>(
  options: DirectiveOptions<T> & { readonly fallback: D; readonly unit?: Unit },
): Setting<T, D> {
  return { repeats: false, inherits: always, structural: options.body?.of === 'directives', ...options };
}

/** An array directive: may be repeated; `scope.all(…)` has every occurrence of the nearest level. */
export function list<T>(name: string, contexts: Contexts, args: Arity, read: Reader<T>): Directive<T> {
  return directive({ name, contexts, args, read, repeats: true });
}

/** The same directive, but a nested location doesn't inherit it; an `if` or `limit_except` of this one does. */
export function local<D extends Directive<unknown>>(declared: D): D {
  const unnamed = LIMIT_EXCEPT | LOCATION_IF | SERVER_IF;
  return { ...declared, inherits: (scope: Scope) => (scope.context & unnamed) !== 0 };
}

/** A directive that no block inside inherits. */
export function unshared<D extends Directive<unknown>>(declared: D): D {
  return { ...declared, inherits: never };
}

/** The same directive, but it is compiled by whoever lays out the blocks, not into its module's configuration. */
export function structural<D extends Directive<unknown>>(declared: D): D {
  return { ...declared, structural: true };
}

/** `on` or `off`. */
export function flag<D = boolean>(name: string, contexts: Contexts, fallback: D): Setting<boolean, D> {
  return setting({ name, contexts, args: ONE, fallback, read: readFlag });
}

/** A number without a unit. */
export function number<D = number>(
  name: string,
  contexts: Contexts,
  fallback: D,
  bounds?: Bounds,
): Setting<number, D> {
  const read = (statement: Statement): number => {
    const value = parseNumber(statement.word(1));
    if (value === undefined) throw statement.failDirective('invalid number', 1);
    return within(bounds, value, statement);
  };
  return setting({ name, contexts, args: ONE, fallback, read });
}

interface Bounds {
  readonly least: number;
  readonly most?: number;
}

function within(bounds: Bounds | undefined, value: number, statement: Statement): number {
  if (!bounds) return value;
  const { least, most } = bounds;
  if (value >= least && (most === undefined || value <= most)) return value;
  const range = most === undefined ? `equal to or greater than ${least}` : `between ${least} and ${most}`;
  throw statement.fail(`value must be ${range}`, 1);
}

/** Bytes, with `k` or `m`. */
export function size<D = number>(
  name: string,
  contexts: Contexts,
  fallback: D,
  bounds?: Bounds,
): Setting<number, D> {
  const parse: Reader<number> = parsedBy(parseSize);
  const read: Reader<number> = (statement, context) => within(bounds, parse(statement, context), statement);
  return setting({ name, contexts, args: ONE, fallback, unit: 'bytes', read });
}

/** Bytes, with `k`, `m` or `g`. */
export function offset<D = number>(name: string, contexts: Contexts, fallback: D): Setting<number, D> {
  return setting({ name, contexts, args: ONE, fallback, unit: 'bytes', read: parsedBy(parseOffset) });
}

/** Milliseconds. */
export function time<D = number>(name: string, contexts: Contexts, fallback: D): Setting<number, D> {
  return setting({
    name,
    contexts,
    args: ONE,
    fallback,
    unit: 'milliseconds',
    read: parsedBy(parseMilliseconds),
  });
}

/** Whole seconds. */
export function seconds<D = number>(name: string, contexts: Contexts, fallback: D): Setting<number, D> {
  return setting({ name, contexts, args: ONE, fallback, unit: 'seconds', read: parsedBy(parseSeconds) });
}

/** One word as it stands: a name, a path, or a template for the compiler. */
export function text<D = string>(name: string, contexts: Contexts, fallback: D): Setting<string, D> {
  return setting({ name, contexts, args: ONE, fallback, read: (statement) => statement.word(1) });
}

/** One of some words, whatever its case. */
export function choice<T extends string, D = T>(
  name: string,
  contexts: Contexts,
  choices: readonly T[],
  fallback: D,
): Setting<T, D> {
  const read = (statement: Statement): T => readChoice(statement, 1, choices);
  return setting({ name, contexts, args: ONE, fallback, read });
}

/** Several of some words. */
export function choices<T extends string>(
  name: string,
  contexts: Contexts,
  args: Arity,
  known: readonly T[],
  fallback: readonly T[],
): Setting<readonly T[]> {
  const read = (statement: Statement, context: ReadContext): readonly T[] => {
    const chosen = new Set<T>();
    for (let word = 1; word < statement.words.length; word++) {
      const found = readChoice(statement, word, known);
      if (chosen.has(found)) context.warn(statement, `duplicate value "${statement.word(word)}"`, word);
      chosen.add(found);
    }
    return [...chosen];
  };
  return setting({ name, contexts, args, fallback, read });
}

export interface Buffers {
  readonly number: number;
  /** Bytes of each. */
  readonly size: number;
}

/** How many buffers of which size. */
export function buffers(name: string, contexts: Contexts, fallback: Buffers): Setting<Buffers> {
  const read = (statement: Statement): Buffers => {
    const count = parseNumber(statement.word(1));
    if (!count) throw statement.failDirective('invalid value', 1);
    const bytes = parseSize(statement.word(2));
    if (!bytes) throw statement.failDirective('invalid value', 2);
    return { number: count, size: bytes };
  };
  return setting({ name, contexts, args: TWO, fallback, read });
}

/** A block of directives of one kind: `server { … }`. */
export function block(
  name: string,
  contexts: Contexts,
  args: Arity,
  opens: Contexts,
  repeats = true,
): Directive<void> {
  const body: Body = { of: 'directives', opens: () => opens };
  return directive({ name, contexts, args, read: () => undefined, repeats, body });
}

export function readFlag(statement: Statement): boolean {
  const word = statement.word(1).toLowerCase();
  if (word === 'on') return true;
  if (word === 'off') return false;
  const { name } = statement;
  throw statement.fail(
    `invalid value "${statement.word(1)}" in "${name}" directive, it must be "on" or "off"`,
    1,
  );
}

export function readChoice<T extends string>(statement: Statement, word: number, known: readonly T[]): T {
  const said = statement.word(word).toLowerCase();
  const found = known.find((each) => each === said);
  if (found === undefined) throw statement.fail(`invalid value "${statement.word(word)}"`, word);
  return found;
}

function parsedBy(parse: (word: string) => number | undefined): Reader<number> {
  return (statement) => {
    const value = parse(statement.word(1));
    if (value === undefined) throw statement.failDirective('invalid value', 1);
    return value;
  };
}
