/** F-Stack's configuration file: sections of `name=value` lines; `#` or `;` begins a comment. */

export interface IniEntry {
  readonly section: string;
  readonly name: string;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

export type IniResult = { readonly ini: Ini } | { readonly error: string; readonly line: number };

export class Ini {
  readonly entries: readonly IniEntry[];

  constructor(entries: readonly IniEntry[]) {
    this.entries = entries;
  }

  /** Reads what F-Stack's own reader would; it stops at the first line that means nothing. */
  static parse(text: string): IniResult {
    const entries: IniEntry[] = [];
    let section = '';
    for (const [index, raw] of text.split('\n').entries()) {
      const line = index + 1;
      const content = withoutComment(raw).trim();
      if (content === '') continue;
      if (content.startsWith('[')) {
        if (!content.endsWith(']')) return { error: `unexpected "${content}", expecting "[section]"`, line };
        section = content.slice(1, -1).trim();
        continue;
      }
      const separator = content.search(/[=:]/);
      if (separator < 0) return { error: `unexpected "${content}", expecting "name=value"`, line };
      const name = content.slice(0, separator).trim();
      entries.push({ section, name, value: content.slice(separator + 1).trim(), line });
    }
    return { ini: new Ini(entries) };
  }

  /** The last line that says it is the one that counts. */
  find(section: string, name: string): IniEntry | undefined {
    return this.entries.findLast((entry) => entry.section === section && entry.name === name);
  }

  value(section: string, name: string): string | undefined {
    return this.find(section, name)?.value;
  }

  /** With other values in place of those, or beside the ones, that the file says. */
  with(section: string, values: Readonly<Record<string, string>>): Ini {
    const kept = this.entries.filter(
      (entry) => entry.section !== section || !Object.hasOwn(values, entry.name),
    );
    const added = Object.entries(values).map(([name, value]) => ({ section, name, value, line: 0 }));
    // ports refer to the [dpdk] section before them
    return new Ini([...added, ...kept]);
  }

  toString(): string {
    let text = '';
    for (const [section, entries] of Map.groupBy(this.entries, (entry) => entry.section)) {
      text += `[${section}]\n${entries.map(({ name, value }) => `${name}=${value}\n`).join('')}`;
    }
    return text;
  }
}

/** A comment begins the line, or follows white space. */
function withoutComment(line: string): string {
  return line.replace(/(?:^\s*[#;]|\s[;]).*$/s, '');
}
