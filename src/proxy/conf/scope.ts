import type { Directive, Setting } from '../modules/directive.ts';
import type { Contexts } from './contexts.ts';
import type { Statement } from './statement.ts';

/** One occurrence of a directive. */
export interface Entry<T = unknown> {
  readonly directive: Directive<T>;
  readonly value: T;
  readonly statement: Statement;
  /** What a block directive opened. */
  readonly scope?: Scope;
}

/** A block of the configuration with what it says, in a chain of blocks up to the file itself. */
export class Scope {
  /** What kind of block this is: exactly one bit of Contexts. */
  readonly context: Contexts;
  readonly parent: Scope | undefined;
  /** The directive that opened the block; its value is, say, a location's name. Undefined for the file itself. */
  readonly opener: Entry | undefined;
  /** All that the block says, in order. */
  readonly entries: Entry[] = [];
  readonly #byDirective = new Map<Directive<unknown>, Entry[]>();

  constructor(context: Contexts, parent?: Scope, opener?: Omit<Entry, 'scope'>) {
    this.context = context;
    this.parent = parent;
    this.opener = opener && { ...opener, scope: this };
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    const same = this.#byDirective.get(entry.directive);
    if (same) same.push(entry);
    else this.#byDirective.set(entry.directive, [entry]);
  }

  /** Every occurrence in this very block. */
  own<T>(directive: Directive<T>): readonly Entry<T>[] {
    // entries are filed under the directive that read them, so their values are of its type
    return (this.#byDirective.get(directive as Directive<unknown>) as Entry<T>[] | undefined) ?? [];
  }

  has(directive: Directive<unknown>): boolean {
    return this.#byDirective.has(directive);
  }

  /** Every occurrence at the nearest level that has any: array directives inherit as a whole, or not at all. */
  all<T>(directive: Directive<T>): readonly Entry<T>[] {
    for (let scope: Scope | undefined = this; scope; scope = scope.#inheritsFrom(directive)) {
      const own = scope.own(directive);
      if (own.length > 0) return own;
    }
    return [];
  }

  /** The occurrence that is in force here, if there is one. */
  find<T>(directive: Directive<T>): Entry<T> | undefined {
    return this.all(directive)[0];
  }

  /** The value in force here: the nearest enclosing block's that says it, else the default. */
  get<T, D>(setting: Setting<T, D>): T | D {
    const entry = this.find(setting);
    return entry ? entry.value : setting.fallback;
  }

  /** The blocks that `directive` opened here. */
  blocks(directive: Directive<unknown>): readonly Scope[] {
    return this.own(directive).flatMap((entry) => entry.scope ?? []);
  }

  /** Every occurrence here and in the blocks within, in the order of the configuration. */
  within<T>(directive: Directive<T>): readonly Entry<T>[] {
    return this.entries.flatMap((entry) => {
      if (entry.scope) return entry.scope.within(directive);
      return entry.directive === directive ? [entry as Entry<T>] : [];
    });
  }

  /** The nearest block of one of these kinds, this one included. */
  enclosing(contexts: Contexts): Scope | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      if (scope.context & contexts) return scope;
    }
    return undefined;
  }

  #inheritsFrom(directive: Directive<unknown>): Scope | undefined {
    return directive.inherits(this) ? this.parent : undefined;
  }
}
