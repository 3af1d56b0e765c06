import type { Directive } from '../modules/directive.ts';
import type { Module } from '../modules/module.ts';
import { knownDirectives, knownNames } from './catalog.ts';
import type { Contexts } from './contexts.ts';

/** The directives of all modules, by name. */
export class Registry {
  readonly #byName = new Map<string, Directive<unknown>[]>();
  readonly #moduleOf = new Map<Directive<unknown>, Module>();

  constructor(modules: readonly Module[]) {
    for (const module of modules) {
      for (const directive of module.directives) {
        const same = this.#byName.get(directive.name);
        if (same) same.push(directive);
        else this.#byName.set(directive.name, [directive]);
        this.#moduleOf.set(directive, module);
      }
    }
  }

  find(name: string, context: Contexts): Directive<unknown> | undefined {
    return this.#byName.get(name)?.find((directive) => directive.contexts & context);
  }

  /** Which module declares it. */
  moduleOf(directive: Directive<unknown>): Module | undefined {
    return this.#moduleOf.get(directive);
  }

  /** Whether it is a directive anywhere, of ours or of nginx. */
  isKnown(name: string): boolean {
    return name === 'include' || this.#byName.has(name) || knownDirectives(name).length > 0;
  }

  /** Names that may stand in a block. */
  *namesIn(context: Contexts): Iterable<string> {
    yield 'include';
    for (const [name, same] of this.#byName) {
      if (same.some((directive) => directive.contexts & context)) yield name;
    }
    for (const name of knownNames()) {
      if (knownDirectives(name).some((directive) => directive.contexts & context)) yield name;
    }
  }
}
