/** https://nginx.org/en/docs/http/ngx_http_rewrite_module.html */
import type { Compiler } from '../conf/compile/compiler.ts';
import {
  HTTP,
  LOCATION,
  LOCATION_IF,
  NO_ARGS,
  ONE_OR_MORE,
  ONE_OR_TWO,
  SERVER,
  SERVER_IF,
  TWO,
} from '../conf/contexts.ts';
import type { Entry, Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseNumber } from '../conf/units.ts';
import type { RewriteInstruction, RewriteProgram } from '../plan/http.ts';
import type { Index } from '../plan/plan.ts';
import { type Directive, directive, flag } from './directive.ts';
import type { HttpModule } from './module.ts';
import { compileCondition, readCondition } from './rewrite-condition.ts';

const PROGRAM = SERVER | SERVER_IF | LOCATION | LOCATION_IF;

type Compile = (compiler: Compiler, entry: Entry) => RewriteInstruction;

/** A directive of the program: reading checks its words, and gives what compiles it. */
function instruction(
  name: string,
  args: Directive<Compile>['args'],
  read: (statement: Statement) => Compile,
): Directive<Compile> {
  return directive({ name, contexts: PROGRAM, args, repeats: true, structural: true, read });
}

const set = instruction('set', TWO, readSet);
const PROGRAM_DIRECTIVES: readonly Directive<Compile>[] = [
  instruction('rewrite', [2, 3], readRewrite),
  instruction('return', ONE_OR_TWO, readReturn),
  instruction('break', NO_ARGS, () => () => ({ op: 'break' })),
  set,
  directive({
    name: 'if',
    contexts: SERVER | LOCATION,
    args: ONE_OR_MORE,
    repeats: true,
    body: { of: 'directives', opens: ({ context }) => (context === SERVER ? SERVER_IF : LOCATION_IF) },
    read: readIf,
  }),
];

const rewriteLog = flag('rewrite_log', HTTP | PROGRAM, false);
const uninitializedVariableWarn = flag('uninitialized_variable_warn', HTTP | PROGRAM, true);

export const httpRewrite: HttpModule = {
  name: 'http_rewrite',
  directives: [...PROGRAM_DIRECTIVES, rewriteLog, uninitializedVariableWarn],
  declare(http, compiler) {
    for (const { statement } of http.within(set)) {
      compiler.diagnostics.attempt(() =>
        compiler.variables.define(variableName(statement), statement, { word: 1 }),
      );
    }
  },
  compileBlock: (scope) => ({
    rewriteLog: scope.get(rewriteLog),
    uninitializedVariableWarn: scope.get(uninitializedVariableWarn),
  }),
  /** Slots of the variables that `set` makes: as long as it has not, their use is worth a warning. */
  compileMain(http, compiler): readonly Index[] {
    const slots = http.within(set).map(({ statement }) => compiler.variables.slot(variableName(statement)));
    return [...new Set(slots)];
  },
  compileRewrite: compileProgram,
};

function compileProgram(scope: Scope, compiler: Compiler): RewriteProgram {
  const program: RewriteInstruction[] = [];
  for (const directive of scope.entries) {
    if (!PROGRAM_DIRECTIVES.includes(directive.directive as Directive<Compile>)) continue;
    // the directives of a program have such values, and only they
    const compile = directive.value as Compile;
    const compiled = compiler.diagnostics.attempt(() => compile(compiler, directive));
    if (compiled) program.push(compiled);
  }
  return program;
}

function variableName(statement: Statement): string {
  return statement.word(1).slice(1);
}

function readSet(statement: Statement): Compile {
  const name = statement.word(1);
  if (!name.startsWith('$') || name === '$') throw statement.fail(`invalid variable name "${name}"`, 1);
  return (compiler) => ({
    op: 'set',
    variable: compiler.variables.slot(variableName(statement)),
    value: compiler.template(statement.word(2), statement, 2),
  });
}

/** A text that makes `rewrite` and `return` redirect. */
function isUrl(text: string): boolean {
  return /^(http:\/\/|https:\/\/|\$scheme)/.test(text);
}

function readReturn(statement: Statement): Compile {
  const [, code = '', text] = statement.words;
  if (text === undefined && isUrl(code)) {
    return (compiler) => ({ op: 'return', status: 302, text: compiler.template(code, statement) });
  }
  const status = parseNumber(code);
  if (status === undefined || status > 999) throw statement.fail(`invalid return code "${code}"`, 1);
  if (text === undefined) return () => ({ op: 'return', status });
  return (compiler) => ({ op: 'return', status, text: compiler.template(text, statement, 2) });
}

const FLAGS = ['last', 'break', 'redirect', 'permanent'] as const;

function readRewrite(statement: Statement): Compile {
  const [, pattern = '', replacement = '', flagWord] = statement.words;
  if (replacement === '') throw statement.fail('empty replacement', 2);
  const said = FLAGS.find((each) => each === flagWord);
  if (flagWord !== undefined && !said) throw statement.fail(`invalid parameter "${flagWord}"`, 3);
  const dropArgs = replacement.endsWith('?');
  const text = dropArgs ? replacement.slice(0, -1) : replacement;
  const redirects = said === 'redirect' || said === 'permanent' || isUrl(text);
  const chosen = redirects && said !== 'permanent' ? 'redirect' : said;
  return (compiler) => ({
    op: 'rewrite',
    regex: compiler.regex(pattern, false, statement),
    ...(redirects ? redirectTo(text, statement, compiler) : uriAndArgs(text, statement, compiler)),
    ...(chosen && { flag: chosen }),
    ...(dropArgs && { dropArgs }),
  });
}

type Target = Pick<Extract<RewriteInstruction, { op: 'rewrite' }>, 'replacement' | 'args' | 'hasQuery'>;

function redirectTo(text: string, statement: Statement, compiler: Compiler): Target {
  const replacement = compiler.template(text, statement, 2);
  return text.includes('?') ? { replacement, hasQuery: true } : { replacement };
}

function uriAndArgs(text: string, statement: Statement, compiler: Compiler): Target {
  const mark = text.indexOf('?');
  if (mark < 0) return { replacement: compiler.template(text, statement, 2) };
  return {
    replacement: compiler.template(text.slice(0, mark), statement, 2),
    args: compiler.template(text.slice(mark + 1), statement, 2),
  };
}

function readIf(statement: Statement): Compile {
  const condition = readCondition(statement);
  return (compiler, { scope }) => {
    const compiled = { op: 'if', condition: compileCondition(condition, statement, compiler) } as const;
    if (!scope) return { ...compiled, body: [] };
    const body = compileProgram(scope, compiler);
    if (scope.context === SERVER_IF) return { ...compiled, body };
    // what the location's own content comes from stays, unless this very block says otherwise
    const content = compiler.modules.find(({ handler }) => handler && scope.has(handler.directive));
    return { ...compiled, body, block: compiler.block(scope), ...(content && { handler: content.name }) };
  };
}
