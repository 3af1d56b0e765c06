import { Refusal } from './diagnostics.ts';
import type { Source } from './source.ts';
import { Statement, type Terminator } from './statement.ts';

/** nginx reads through a buffer of this size, and no word may be longer. */
const LONGEST_WORD = 4096;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const DOUBLE_QUOTE = 0x22;
const HASH = 0x23;
const DOLLAR = 0x24;
const SINGLE_QUOTE = 0x27;
const CLOSING_PARENTHESIS = 0x29;
const SEMICOLON = 0x3b;
const BACKSLASH = 0x5c;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** Numbers statements over all files of a configuration, in reading order. */
export interface Numbering {
  next: number;
}

/** Cuts text into statements exactly as nginx does: quotes, escapes, comments, `${name}` and all. */
export class Lexer {
  readonly #source: Source;
  readonly #text: string;
  readonly #numbering: Numbering;
  #at = 0;
  #line: number;
  /** Where the limit of LONGEST_WORD counts from. */
  #start = 0;
  #startLine = 0;

  constructor(source: Source, numbering: Numbering) {
    this.#source = source;
    this.#text = source.text;
    this.#numbering = numbering;
    this.#line = source.name === undefined ? 0 : 1;
  }

  /** The next statement; throws a Refusal where the text isn't one. */
  next(): Statement {
    const words: string[] = [];
    const offsets: number[] = [];
    this.#startLine = this.#line;
    for (;;) {
      const code = this.#skipBlanks();
      if (code < 0) {
        if (words.length > 0) throw this.#endOfText();
        return this.#statement(words, offsets, 'end of file');
      }
      if (code === HASH) {
        this.#skipComment();
        continue;
      }
      this.#at++;
      if (code === SEMICOLON || code === OPENING_BRACE) {
        if (words.length === 0) throw this.#unexpected(code);
        return this.#statement(words, offsets, code === SEMICOLON ? ';' : '{');
      }
      if (code === CLOSING_BRACE) {
        if (words.length > 0) throw this.#unexpected(code);
        return this.#statement(words, offsets, '}');
      }
      offsets.push(this.#at - 1);
      if (code === DOUBLE_QUOTE || code === SINGLE_QUOTE) {
        words.push(this.#quoted(code));
        this.#checkAfterQuote();
      } else {
        this.#at--;
        words.push(this.#bare());
      }
    }
  }

  /** Goes on behind the next `;`, or at the next brace: where a statement may start again after an error. */
  recover(): void {
    for (let code = this.#peek(); code >= 0; code = this.#peek()) {
      if (code === CLOSING_BRACE) return;
      this.#take(code);
      if (code === SEMICOLON || code === LINE_FEED) return;
    }
  }

  #statement(words: string[], offsets: number[], terminator: Terminator): Statement {
    if (words.length === 0) offsets.push(Math.max(0, this.#at - 1));
    return new Statement(this.#source, words, offsets, terminator, this.#line, this.#numbering.next++);
  }

  #peek(): number {
    return this.#at < this.#text.length ? this.#text.charCodeAt(this.#at) : -1;
  }

  #take(code: number): void {
    this.#at++;
    if (code === LINE_FEED) this.#line++;
  }

  /** Steps to the first character that isn't blank, and returns it; -1 at the end. */
  #skipBlanks(): number {
    for (;;) {
      const code = this.#peek();
      if (!isBlank(code)) {
        this.#start = this.#at;
        this.#startLine = this.#line;
        return code;
      }
      this.#take(code);
    }
  }

  #skipComment(): void {
    const newline = this.#text.indexOf('\n', this.#at);
    const end = newline < 0 ? this.#text.length : newline;
    if (end - this.#start >= LONGEST_WORD && this.#text.length > this.#start + LONGEST_WORD)
      throw this.#tooLong();
    this.#at = end;
  }

  #quoted(quote: number): string {
    const start = this.#at;
    // nginx counts a quoted word from behind its quote
    this.#start = start;
    let escaped = false;
    for (;;) {
      const code = this.#wordCharacter(quote);
      if (code === quote) break;
      if (code === BACKSLASH) {
        escaped = true;
        this.#wordCharacter(quote);
      }
    }
    return this.#word(start, this.#at - 1, escaped);
  }

  /** A word without quotes ends at a blank, `;`, or a `{` that doesn't belong to `${`. */
  #bare(): string {
    const start = this.#at;
    let escaped = false;
    let variable = false;
    for (;;) {
      const code = this.#wordCharacter();
      if (code === BACKSLASH) {
        escaped = true;
        variable = false;
        this.#wordCharacter();
      } else if (code === DOLLAR) {
        variable = true;
      } else if (code !== OPENING_BRACE || !variable) {
        variable = false;
        if (isBlank(code) || code === SEMICOLON || code === OPENING_BRACE) break;
      }
    }
    // what ended the word is looked at again
    this.#at--;
    if (this.#text.charCodeAt(this.#at) === LINE_FEED) this.#line--;
    return this.#word(start, this.#at, escaped);
  }

  #wordCharacter(quote?: number): number {
    const code = this.#peek();
    if (code < 0) throw this.#endOfText();
    if (this.#at - this.#start === LONGEST_WORD) throw this.#tooLong(quote);
    this.#take(code);
    return code;
  }

  #word(start: number, end: number, escaped: boolean): string {
    const raw = this.#text.slice(start, end);
    return escaped ? resolveEscapes(raw) : raw;
  }

  #checkAfterQuote(): void {
    const code = this.#peek();
    if (code < 0) throw this.#endOfText();
    if (this.#at - this.#start === LONGEST_WORD) throw this.#tooLong();
    // a `)` begins a word of its own: `if ($a = "b")`
    if (isBlank(code) || code === SEMICOLON || code === OPENING_BRACE || code === CLOSING_PARENTHESIS) return;
    this.#take(code);
    throw this.#unexpected(code);
  }

  #unexpected(code: number): Refusal {
    return this.#refusal(`unexpected "${String.fromCharCode(code)}"`, this.#at - 1);
  }

  #endOfText(): Refusal {
    const message =
      this.#source.name === undefined
        ? 'unexpected end of parameter, expecting ";"'
        : 'unexpected end of file, expecting ";" or "}"';
    return this.#fatal(message);
  }

  #tooLong(quote?: number): Refusal {
    this.#line = this.#startLine;
    const message =
      quote === undefined
        ? `too long parameter "${this.#text.slice(this.#start, this.#start + 10)}..." started`
        : `too long parameter, probably missing terminating "${String.fromCharCode(quote)}" character`;
    return this.#fatal(message);
  }

  /** Nobody can know what the rest of the text was meant to be. */
  #fatal(message: string): Refusal {
    this.#at = this.#text.length;
    return this.#refusal(message, this.#start);
  }

  #refusal(message: string, offset: number): Refusal {
    const sequence = this.#numbering.next++;
    return new Refusal(message, { source: this.#source, line: this.#line, offset, length: 1, sequence });
  }
}

function isBlank(code: number): boolean {
  return code === SPACE || code === LINE_FEED || code === TAB || code === CARRIAGE_RETURN;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '\\': '\\',
  t: '\t',
  r: '\r',
  n: '\n',
};

/** Other escapes stay as they are written: they mean something to a regular expression. */
function resolveEscapes(raw: string): string {
  return raw.replace(/\\(["'\\trn])/g, (_, character: string) => ESCAPES[character] ?? character);
}
