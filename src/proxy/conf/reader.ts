import type { Directive } from '../modules/directive.ts';
import { type KnownDirective, knownDirectives } from './catalog.ts';
import { ANYWHERE, MAIN } from './contexts.ts';
import { type Diagnostics, Refusal } from './diagnostics.ts';
import { errnoText } from './errno-text.ts';
import { HINTS } from './hints.ts';
import { filesMatching, isPattern, readText } from './include.ts';
import { Lexer, type Numbering } from './lexer.ts';
import { nearest } from './nearest.ts';
import type { Paths } from './paths.ts';
import type { Platform } from './platform.ts';
import type { Registry } from './registry.ts';
import { type Entry, Scope } from './scope.ts';
import { Source } from './source.ts';
import type { Statement } from './statement.ts';

/** Deeper than this, files include each other: nginx runs out of descriptors there. */
const DEEPEST_INCLUDE = 500;

/** Text that is being read, once for all the blocks in it. */
interface Input {
  readonly lexer: Lexer;
  readonly option: boolean;
  /** A syntax error was reported: others that follow from it are not. */
  broken: boolean;
}

/** Reads configuration text into blocks of checked directives, and goes on after an error to find the next. */
export class Reader {
  /** Every file that was read, once each, in order of first reading. */
  readonly files = new Map<string, string>();
  readonly main = new Scope(MAIN);
  readonly #registry: Registry;
  readonly #diagnostics: Diagnostics;
  readonly #paths: Paths;
  readonly #platform: Platform;
  readonly #numbering: Numbering = { next: 0 };
  #depth = 0;
  #tooDeep = false;

  constructor(registry: Registry, diagnostics: Diagnostics, paths: Paths, platform: Platform) {
    this.#registry = registry;
    this.#diagnostics = diagnostics;
    this.#paths = paths;
    this.#platform = platform;
  }

  /** The argument of `-g`. */
  readOption(directives: string): void {
    const input = this.#open(new Source(undefined, directives));
    this.#directives(input, this.main, false);
  }

  /** The configuration file itself. */
  readConfiguration(): void {
    this.#diagnostics.attempt(() => this.#file(this.#paths.configuration, this.main));
  }

  #file(name: string, scope: Scope, include?: Statement): void {
    const input = this.#open(this.#source(name, include));
    this.#directives(input, scope, false);
  }

  #open(source: Source): Input {
    return { lexer: new Lexer(source, this.#numbering), option: source.name === undefined, broken: false };
  }

  #source(name: string, include?: Statement): Source {
    let text = this.files.get(name);
    if (text === undefined) {
      try {
        text = readText(name);
      } catch (error) {
        const message = `open() "${name}" failed ${errnoText(error)}`;
        throw include ? include.fail(message, 1) : new Refusal(message);
      }
      this.files.set(name, text);
    }
    return new Source(name, text);
  }

  /** Undefined where the text is no statement: that is reported already. */
  #next(input: Input): Statement | undefined {
    try {
      return input.lexer.next();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      if (!input.broken) this.#diagnostics.refuse(error);
      input.broken = true;
      input.lexer.recover();
      return undefined;
    }
  }

  /** Reads up to the end of the text or, inside a block, up to its `}`. */
  #directives(input: Input, scope: Scope, inBlock: boolean): void {
    for (;;) {
      const statement = this.#next(input);
      if (!statement) continue;
      if (this.#ends(statement, input, inBlock)) return;
      if (statement.words.length > 0) this.#directive(statement, input, scope);
    }
  }

  #ends(statement: Statement, input: Input, inBlock: boolean): boolean {
    if (statement.terminator === 'end of file') {
      if (inBlock && !input.broken) {
        this.#diagnostics.refuse(statement.fail('unexpected end of file, expecting "}"'));
        input.broken = true;
      }
      return true;
    }
    if (statement.terminator !== '}') return false;
    if (!inBlock && !input.broken) this.#diagnostics.refuse(statement.fail('unexpected "}"'));
    return inBlock;
  }

  #directive(statement: Statement, input: Input, scope: Scope): void {
    const opensBlock = statement.terminator === '{';
    const found = this.#diagnostics.attempt(() => {
      if (opensBlock && input.option) throw statement.fail('block directives are not supported in -g option');
      if (statement.name === 'include') {
        checkShape(statement, { args: [1, 1], block: false });
        this.#include(statement, (name) => this.#file(name, scope, statement));
        return undefined;
      }
      return this.#lookUp(statement, scope);
    });
    if (found) this.#read(found, statement, input, scope);
    else if (opensBlock) this.#skipBlock(input);
  }

  /** The directive that is meant, checked for its place and shape. */
  #lookUp(statement: Statement, scope: Scope): Directive<unknown> | undefined {
    const { name } = statement;
    const ours = this.#registry.find(name, scope.context);
    if (ours) {
      checkShape(statement, { args: ours.args, block: ours.body !== undefined });
      if (!ours.repeats && scope.has(ours)) throw statement.failDirective('is duplicate');
      return ours;
    }
    const known = knownDirectives(name).find((each) => each.contexts & scope.context);
    if (known) {
      this.#notOurs(statement, known);
      return undefined;
    }
    if (this.#registry.isKnown(name)) throw statement.failDirective('is not allowed here');
    throw this.#unknown(statement, scope);
  }

  #notOurs(statement: Statement, known: KnownDirective): void {
    checkShape(statement, known);
    if (!HINTS.has(known.name)) throw statement.failDirective('is not supported yet');
    this.#noteHint(statement);
  }

  #noteHint(statement: Statement): void {
    const reason = HINTS.get(statement.name);
    if (reason === undefined) return;
    this.#diagnostics.report(
      'notice',
      `"${statement.name}" directive has no effect: ${reason}`,
      statement.place(),
    );
  }

  #unknown(statement: Statement, scope: Scope): Refusal {
    const near =
      nearest(statement.name, this.#registry.namesIn(scope.context)) ??
      nearest(statement.name, this.#registry.namesIn(ANYWHERE));
    const hint = near === undefined ? undefined : `did you mean "${near}"?`;
    return new Refusal(`unknown directive "${statement.name}"`, statement.place(), hint);
  }

  #read(directive: Directive<unknown>, statement: Statement, input: Input, scope: Scope): void {
    const { body } = directive;
    const entries = body?.of === 'entries' ? this.#entries(input, body.includes) : [];
    let entry: Omit<Entry, 'scope'> | undefined;
    this.#diagnostics.attempt(() => {
      const value = directive.read(statement, {
        scope,
        entries,
        paths: this.#paths,
        platform: this.#platform,
        notice: (at, message, word) => this.#diagnostics.report('notice', message, at.place(word)),
        warn: (at, message, word) => this.#diagnostics.report('warn', message, at.place(word)),
      });
      entry = { directive, value, statement };
      this.#noteHint(statement);
    });
    if (body?.of !== 'directives') {
      if (entry) scope.add(entry);
      return;
    }
    // a block whose own words are wrong is still read for more errors
    const block = new Scope(body.opens(scope), scope, entry ?? { directive, value: undefined, statement });
    if (entry) scope.add({ ...entry, scope: block });
    this.#directives(input, block, true);
  }

  /** Statements of a block whose entries are no directives. */
  #entries(input: Input, includes: boolean, inBlock = true, found: Statement[] = []): Statement[] {
    for (;;) {
      const statement = this.#next(input);
      if (!statement) continue;
      if (this.#ends(statement, input, inBlock)) return found;
      if (statement.terminator === '{') {
        this.#diagnostics.refuse(statement.fail('unexpected "{"'));
        this.#skipBlock(input);
      } else if (includes && statement.name === 'include') {
        this.#diagnostics.attempt(() => {
          checkShape(statement, { args: [1, 1], block: false });
          this.#include(statement, (name) => {
            this.#entries(this.#open(this.#source(name, statement)), includes, false, found);
          });
        });
      } else if (statement.words.length > 0) {
        found.push(statement);
      }
    }
  }

  #include(statement: Statement, each: (name: string) => void): void {
    const name = this.#paths.besideConfiguration(statement.word(1));
    // files that include themselves twice would go on for ever
    if (this.#tooDeep) return;
    if (this.#depth === DEEPEST_INCLUDE) {
      this.#tooDeep = true;
      throw statement.fail(`open() "${name}" failed (24: Too many open files)`, 1);
    }
    this.#depth++;
    try {
      if (isPattern(name))
        filesMatching(name).forEach((file) => void this.#diagnostics.attempt(() => each(file)));
      else each(name);
    } finally {
      this.#depth--;
    }
  }

  #skipBlock(input: Input): void {
    for (let depth = 1; depth > 0; ) {
      const statement = this.#next(input);
      if (!statement) continue;
      if (statement.terminator === '{') depth++;
      else if (this.#ends(statement, input, true)) depth = statement.terminator === '}' ? depth - 1 : 0;
    }
  }
}

/** nginx's checks before it looks at a directive's words, in its order. */
function checkShape(statement: Statement, shape: { args: readonly [number, number]; block: boolean }): void {
  const opensBlock = statement.terminator === '{';
  if (opensBlock && !shape.block)
    throw statement.fail(`directive "${statement.name}" is not terminated by ";"`);
  if (shape.block && !opensBlock) throw statement.fail(`directive "${statement.name}" has no opening "{"`);
  const count = statement.words.length - 1;
  const [least, most] = shape.args;
  if (count < least || count > most) {
    throw statement.fail(`invalid number of arguments in "${statement.name}" directive`);
  }
}
