import { Refusal } from './diagnostics.ts';
import type { Place, Source } from './source.ts';

export type Terminator = ';' | '{' | '}' | 'end of file';

/** Words up to `;`, `{` or `}`: a directive with its arguments, or an entry of a block such as `map`. */
export class Statement {
  readonly source: Source;
  readonly words: readonly string[];
  /** Where each word begins in the source. */
  readonly offsets: readonly number[];
  readonly terminator: Terminator;
  /** Where the terminator stands: nginx reports this line. */
  readonly line: number;
  readonly sequence: number;

  constructor(
    source: Source,
    words: readonly string[],
    offsets: readonly number[],
    terminator: Terminator,
    line: number,
    sequence: number,
  ) {
    this.source = source;
    this.words = words;
    this.offsets = offsets;
    this.terminator = terminator;
    this.line = line;
    this.sequence = sequence;
  }

  get name(): string {
    return this.words[0] ?? '';
  }

  /** Word `index` (0 is the directive's name); the empty string where there is none. */
  word(index: number): string {
    return this.words[index] ?? '';
  }

  place(word = 0): Place {
    const offset = this.offsets[word] ?? this.offsets.at(-1) ?? 0;
    return {
      source: this.source,
      line: this.line,
      offset,
      length: this.word(word).length,
      sequence: this.sequence,
    };
  }

  /** An error with its text as given; `word` is what the caret points at. */
  fail(message: string, word = 0): Refusal {
    return new Refusal(message, this.place(word));
  }

  /** nginx's short form: `"root" directive is duplicate`. */
  failDirective(reason: string, word = 0): Refusal {
    return this.fail(`"${this.name}" directive ${reason}`, word);
  }
}
