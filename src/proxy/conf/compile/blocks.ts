import type { HttpModule } from '../../modules/module.ts';
import type { BlockPlan, ModuleConf } from '../../plan/http.ts';
import type { Index } from '../../plan/plan.ts';
import { HTTP } from '../contexts.ts';
import type { Registry } from '../registry.ts';
import type { Scope } from '../scope.ts';
import type { Compiler } from './compiler.ts';

/** Configurations of all modules in all blocks: `plan.http.blocks` and `plan.http.modules`. */
export class BlockTable {
  readonly #modules: readonly HttpModule[];
  readonly #registry: Registry;
  readonly #blocks: BlockPlan[] = [];
  readonly #positions = new Map<Scope, Index>();
  readonly #confs = new Map<string, ModuleConf[]>();
  readonly #owners = new Map<Scope, Map<HttpModule, Index>>();
  readonly #speaks = new Map<Scope, Set<unknown>>();

  constructor(modules: readonly HttpModule[], registry: Registry) {
    this.#modules = modules.filter((module) => module.compileBlock);
    this.#registry = registry;
    for (const module of this.#modules) this.#confs.set(module.name, []);
  }

  add(scope: Scope, compiler: Compiler): Index {
    const known = this.#positions.get(scope);
    if (known !== undefined) return known;
    const confs: Record<string, Index> = {};
    for (const module of this.#modules) confs[module.name] = this.#conf(module, scope, compiler);
    const position = this.#blocks.push({ confs }) - 1;
    this.#positions.set(scope, position);
    return position;
  }

  blocks(): readonly BlockPlan[] {
    return this.#blocks;
  }

  confs(): Readonly<Record<string, readonly ModuleConf[]>> {
    return Object.fromEntries(this.#confs);
  }

  #conf(module: HttpModule, scope: Scope, compiler: Compiler): Index {
    const { parent } = scope;
    if (scope.context !== HTTP && parent && this.#shares(module, scope, parent)) {
      return this.#conf(module, parent, compiler);
    }
    const own = this.#owners.get(scope) ?? new Map<HttpModule, Index>();
    this.#owners.set(scope, own);
    let position = own.get(module);
    if (position === undefined) {
      const confs = this.#confs.get(module.name) ?? [];
      const conf = compiler.diagnostics.attempt(() => module.compileBlock?.(scope, compiler));
      position = confs.push(conf ?? {}) - 1;
      own.set(module, position);
    }
    return position;
  }

  /** A block that says nothing of a module has the parent's, unless that says what isn't inherited here. */
  #shares(module: HttpModule, scope: Scope, parent: Scope): boolean {
    if (this.#modulesIn(scope).has(module)) return false;
    if (!this.#modulesIn(parent).has(module)) return true;
    return parent.entries.every(
      ({ directive }) =>
        directive.structural || directive.inherits(scope) || this.#registry.moduleOf(directive) !== module,
    );
  }

  #modulesIn(scope: Scope): Set<unknown> {
    let found = this.#speaks.get(scope);
    if (!found) {
      found = new Set();
      for (const { directive } of scope.entries) {
        if (!directive.structural) found.add(this.#registry.moduleOf(directive));
      }
      this.#speaks.set(scope, found);
    }
    return found;
  }
}
