import type { VariableDeclaration } from '../../modules/module.ts';
import type { Index, VariablePlan } from '../../plan/plan.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { Place } from '../source.ts';
import type { Statement } from '../statement.ts';

/** Variables by slot. A slot is given at first mention; whether there is such a variable is known only at the end. */
export class VariableTable {
  readonly #declared = new Map<string, VariableDeclaration>();
  readonly #prefixes: VariableDeclaration[] = [];
  readonly #slots = new Map<string, { readonly slot: Index; readonly first: Place | undefined }>();

  constructor(declarations: Iterable<VariableDeclaration>) {
    for (const declaration of declarations) {
      if (declaration.prefix) this.#prefixes.push(declaration);
      else this.#declared.set(declaration.name, declaration);
    }
  }

  /** The slot of a variable, in whatever case its name is written. */
  slot(name: string, place?: Place): Index {
    const key = name.toLowerCase();
    let known = this.#slots.get(key);
    if (!known) {
      known = { slot: this.#slots.size, first: place };
      this.#slots.set(key, known);
    }
    return known.slot;
  }

  /**
   * A variable that the configuration makes: by `set`, `map`, a named capture. Several may make the same one,
   * but none that native code has a getter for, unless that is changeable.
   */
  define(name: string, statement: Statement, options: { volatile?: boolean; word?: number } = {}): Index {
    const key = name.toLowerCase();
    const known = this.#declared.get(key);
    if (known && !known.changeable) throw statement.fail(`the duplicate "${name}" variable`, options.word);
    const place = statement.place(options.word);
    if (!known || options.volatile) {
      this.#declared.set(key, { name: key, changeable: true, volatile: options.volatile === true });
    }
    return this.slot(key, place);
  }

  /** Reports what is used but defined nowhere, in nginx's words, which name no place. */
  check(diagnostics: Diagnostics): void {
    for (const [name, { first }] of this.#slots) {
      if (!this.#find(name)) diagnostics.reportBare('emerg', `unknown "${name}" variable`, first);
    }
  }

  plan(): VariablePlan[] {
    return Array.from(this.#slots.keys(), (name) =>
      this.#find(name)?.volatile ? { name, volatile: true } : { name },
    );
  }

  #find(name: string): VariableDeclaration | undefined {
    return this.#declared.get(name) ?? this.#prefixes.find((prefix) => name.startsWith(prefix.name));
  }
}
