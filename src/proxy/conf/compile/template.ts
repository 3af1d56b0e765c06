import type { Template } from '../../plan/plan.ts';
import type { Statement } from '../statement.ts';
import type { VariableTable } from './variables.ts';

/**
 * Compiles text with `$name`, `${name}` and `$1` … `$9`, as nginx's script engine reads it. `word` is where the
 * text stands in the statement, for messages.
 */
export function compileTemplate(
  text: string,
  variables: VariableTable,
  statement: Statement,
  word = 1,
): Template {
  if (!text.includes('$')) return text;
  const parts: (string | number)[] = [];
  const part = /\$(?:([1-9])|\{(\w*)(\}?)|(\w*))/y;
  for (let at = 0; at < text.length; ) {
    const dollar = text.indexOf('$', at);
    if (dollar !== at) parts.push(text.slice(at, dollar < 0 ? text.length : dollar));
    if (dollar < 0) break;
    part.lastIndex = dollar;
    const [whole = '$', capture, braced, closing, bare = ''] = part.exec(text) ?? [];
    if (capture !== undefined) {
      parts.push(-Number(capture) - 1);
    } else {
      if (braced !== undefined && closing === '') {
        throw statement.fail(`the closing bracket in "${braced}" variable is missing`, word);
      }
      const name = braced ?? bare;
      if (name === '') throw statement.fail('invalid variable name', word);
      parts.push(variables.slot(name, statement.place(word)));
    }
    at = dollar + whole.length;
  }
  return parts;
}

/** Whether a text has variables or captures in it. */
export function hasVariables(text: string): boolean {
  return text.includes('$');
}
