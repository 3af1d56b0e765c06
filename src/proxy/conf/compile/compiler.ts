import type { BuildDefaults } from '../../build-defaults.ts';
import type { HttpModule } from '../../modules/module.ts';
import type { RewriteProgram } from '../../plan/http.ts';
import type { Index, Template } from '../../plan/plan.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { Paths } from '../paths.ts';
import type { Platform } from '../platform.ts';
import type { Registry } from '../registry.ts';
import type { Scope } from '../scope.ts';
import type { Statement } from '../statement.ts';
import { BlockTable } from './blocks.ts';
import { DescriptorTable } from './descriptors.ts';
import { ErrorLogTable } from './error-logs.ts';
import { RegexTable } from './regexes.ts';
import { compileTemplate } from './template.ts';
import { TlsClientTable } from './tls-clients.ts';
import { UpstreamTable } from './upstreams.ts';
import { VariableTable } from './variables.ts';

export interface CompilerOptions {
  readonly modules: readonly HttpModule[];
  readonly registry: Registry;
  readonly diagnostics: Diagnostics;
  readonly paths: Paths;
  readonly platform: Platform;
  readonly defaults: BuildDefaults;
  /** Where errors go if no `error_log` says: the `-e` option's file, or the built-in one; empty for stderr. */
  readonly errorLog: string;
}

/** What modules compile with: the Plan's tables, and everything that refers into them. */
export class Compiler {
  readonly modules: readonly HttpModule[];
  readonly diagnostics: Diagnostics;
  readonly paths: Paths;
  readonly platform: Platform;
  readonly defaults: BuildDefaults;
  readonly variables: VariableTable;
  readonly regexes: RegexTable;
  readonly descriptors = new DescriptorTable();
  /** Full names of the folders that temporary files go to. */
  readonly tempFolders = new Set<string>();
  readonly errorLogs: ErrorLogTable;
  readonly upstreams: UpstreamTable;
  readonly tlsClients: TlsClientTable;
  readonly blocks: BlockTable;

  constructor(options: CompilerOptions) {
    this.modules = options.modules;
    this.diagnostics = options.diagnostics;
    this.paths = options.paths;
    this.platform = options.platform;
    this.defaults = options.defaults;
    this.variables = new VariableTable(options.modules.flatMap((module) => module.variables ?? []));
    this.regexes = new RegexTable(options.platform, this.variables);
    this.errorLogs = new ErrorLogTable(this.descriptors, options.paths, options.errorLog);
    this.upstreams = new UpstreamTable(options.platform);
    this.tlsClients = new TlsClientTable(options.platform, options.diagnostics);
    this.blocks = new BlockTable(options.modules, options.registry);
  }

  /** Text with variables; `word` is where it stands in the statement. */
  template(text: string, statement: Statement, word = 1): Template {
    return compileTemplate(text, this.variables, statement, word);
  }

  /** A file name, below the prefix unless it begins with `/` or a variable. */
  path(name: string, statement: Statement, word = 1): Template {
    return this.template(name.startsWith('$') ? name : this.paths.full(name), statement, word);
  }

  /** Position of a regular expression in the Plan. */
  regex(pattern: string, caseless: boolean, statement: Statement, word = 1): Index {
    return this.regexes.add(pattern, caseless, statement, word);
  }

  /** The configuration of all modules in a block. */
  block(scope: Scope): Index {
    return this.blocks.add(scope, this);
  }

  /** The error logs in force in a block. */
  errorLog(scope: Scope): Index {
    return this.errorLogs.of(scope);
  }

  /** The rewrite program of a block, if it has one. */
  rewrite(scope: Scope): RewriteProgram | undefined {
    for (const module of this.modules) {
      const program = module.compileRewrite?.(scope, this);
      if (program && program.length > 0) return program;
    }
    return undefined;
  }

  /** The module that a block's content comes from: of several, the one that is said last. */
  handler(scope: Scope): HttpModule | undefined {
    let last = -1;
    let found: HttpModule | undefined;
    for (const module of this.modules) {
      const said = module.handler && scope.find(module.handler.directive);
      if (!said || said.statement.sequence < last) continue;
      last = said.statement.sequence;
      found = module;
    }
    return found;
  }

  warn(statement: Statement, message: string, word?: number): void {
    this.diagnostics.report('warn', message, statement.place(word));
  }
}
