import { readFileSync } from 'node:fs';
import { errnoText } from '../conf/errno-text.ts';
import { fileName } from '../conf/include.ts';
import type { Statement } from '../conf/statement.ts';

/** The bytes of a file that a word of the statement names; `name` is its full name, a character a byte. */
export function readNamedFile(name: string, statement: Statement, word = 1): Buffer {
  try {
    return readFileSync(fileName(name));
  } catch (error) {
    throw statement.fail(`open() "${name}" failed ${errnoText(error)}`, word);
  }
}
