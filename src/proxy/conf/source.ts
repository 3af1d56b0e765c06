/**
 * Configuration text and places in it. Text is held as latin1, one character a byte, so that whatever
 * encoding the file has reaches the data plane unchanged.
 */

export class Source {
  /** What messages call it: the file's full name, or undefined for the `-g` option. */
  readonly name: string | undefined;
  readonly text: string;

  constructor(name: string | undefined, text: string) {
    this.name = name;
    this.text = text;
  }

  /** How nginx ends a message about line `line`. */
  suffix(line: number): string {
    return this.name === undefined ? ' in command line' : ` in ${this.name}:${line}`;
  }

  /** 1-based number of the line that holds `offset`. */
  lineAt(offset: number): number {
    let line = this.name === undefined ? 0 : 1;
    for (let at = this.text.indexOf('\n'); at >= 0 && at < offset; at = this.text.indexOf('\n', at + 1))
      line++;
    return line;
  }
}

export interface Place {
  readonly source: Source;
  /** The line nginx would name: where its lexer had got to. */
  readonly line: number;
  /** The characters to point at. */
  readonly offset: number;
  readonly length: number;
  /** Orders places over all files: nginx stops at the first error that it reads. */
  readonly sequence: number;
}

/** The line around a place with a caret under what is meant; nothing for text that has no visible line. */
export function excerpt(place: Place): string[] {
  const { text } = place.source;
  const start = text.lastIndexOf('\n', place.offset - 1) + 1;
  const newline = text.indexOf('\n', place.offset);
  const line = text.slice(start, newline < 0 ? text.length : newline).replace(/\r$/, '');
  const column = place.offset - start;
  if (line.trim() === '' || line.length > 200) return [];
  const number = place.source.name === undefined ? '-g' : String(place.source.lineAt(place.offset));
  const padding = line.slice(0, column).replace(/[^\t]/g, ' ');
  const carets = '^'.repeat(Math.max(1, Math.min(place.length, line.length - column)));
  return [`${number.padStart(6)} | ${line}`, `       | ${padding}${carets}`];
}
