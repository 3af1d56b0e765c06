/**
 * A module is one file: the table of its directives, the names of its variables, and what it puts into the Plan.
 * Its other half is the file of the same name in native/modules.
 */
import type { Compiler } from '../conf/compile/compiler.ts';
import type { Scope } from '../conf/scope.ts';
import type { ModuleConf, RewriteProgram } from '../plan/http.ts';
import type { Directive } from './directive.ts';

export interface Module {
  /** nginx's name without `ngx_` and `_module`; the key in the Plan and in the native registry. */
  readonly name: string;
  readonly directives: readonly Directive<unknown>[];
}

export interface HttpModule extends Module {
  /** Variables that native code has getters for. */
  readonly variables?: readonly VariableDeclaration[];
  /** What others need before anything is compiled: variables that directives define, upstream groups, zones. */
  readonly declare?: (http: Scope, compiler: Compiler) => void;
  /**
   * This module's configuration of one block. A block that says nothing of this module shares its parent's,
   * and this isn't called for it.
   */
  readonly compileBlock?: (scope: Scope, compiler: Compiler) => ModuleConf;
  /** What belongs to the whole `http` block: `plan.http.main[name]`. */
  readonly compileMain?: (http: Scope, compiler: Compiler) => unknown;
  /** A block that has this directive gets its content from this module. */
  readonly handler?: ContentHandler;
  /** The rewrite program of a server, location or `if`. One module has this. */
  readonly compileRewrite?: (scope: Scope, compiler: Compiler) => RewriteProgram | undefined;
}

export interface ContentHandler {
  readonly directive: Directive<unknown>;
  /** In `location /x/`, a request for `/x` is redirected to `/x/`. */
  readonly redirectsToSlash?: boolean;
}

export interface VariableDeclaration {
  readonly name: string;
  /** Directives such as `set` may define it anew. */
  readonly changeable?: boolean;
  /** Stands for all names that begin with it: `http_`, `arg_`. */
  readonly prefix?: boolean;
  /** Computed anew at every use. */
  readonly volatile?: boolean;
}

export function constants(...names: string[]): VariableDeclaration[] {
  return names.map((name) => ({ name }));
}

export function volatiles(...names: string[]): VariableDeclaration[] {
  return names.map((name) => ({ name, volatile: true }));
}

export function prefixes(...names: string[]): VariableDeclaration[] {
  return names.map((name) => ({ name, prefix: true }));
}
