/** https://nginx.org/en/docs/http/ngx_http_log_module.html#log_format */
import type { Compiler } from '../conf/compile/compiler.ts';
import { HTTP, TWO_OR_MORE } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Statement } from '../conf/statement.ts';
import { list } from './directive.ts';

const ESCAPES = ['default', 'json', 'none'] as const;
type Escape = (typeof ESCAPES)[number];

/** Literal text, or a variable. */
type Part = string | { readonly variable: string };

export interface LogFormat {
  readonly name: string;
  readonly escape: Escape;
  readonly parts: readonly Part[];
  /** Absent for nginx's own format. */
  readonly statement?: Statement;
}

export const logFormat = list('log_format', HTTP, TWO_OR_MORE, readFormat);

export const COMBINED: LogFormat = {
  name: 'combined',
  escape: 'default',
  parts: splitVariables(
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"',
  ),
};

function readFormat(statement: Statement, { scope }: ReadContext): LogFormat {
  const [, name = '', ...texts] = statement.words;
  const others = [COMBINED, ...scope.own(logFormat).map(({ value }) => value)];
  if (others.some((other) => other.name === name)) {
    throw statement.fail(`duplicate "log_format" name "${name}"`, 1);
  }
  const said = texts[0]?.startsWith('escape=') ? texts[0].slice('escape='.length) : undefined;
  const escaping = ESCAPES.find((each) => each === (said ?? 'default'));
  if (!escaping) throw statement.fail(`unknown log format escaping "${said}"`, 2);
  const first = said === undefined ? 2 : 3;
  const parts = statement.words
    .slice(first)
    .flatMap((text, index) => splitVariables(text, statement, first + index));
  return { name, escape: escaping, parts, statement };
}

/** As nginx's script engine, but without captures: `$1` is the name of a variable here. */
function splitVariables(text: string, statement?: Statement, word?: number): Part[] {
  const parts: Part[] = [];
  const part = /\$(?:\{(\w*)(\}?)|(\w*))|[^$]+/y;
  while (part.lastIndex < text.length) {
    const at = part.lastIndex;
    const [whole = '', braced, closing, bare] = part.exec(text) ?? [];
    const name = braced ?? bare;
    if (name === undefined) {
      parts.push(whole);
    } else if (braced !== undefined && closing === '' && statement) {
      throw statement.fail(`the closing bracket in "${braced}" variable is missing`, word);
    } else if (name === '' && statement) {
      throw statement.fail(`invalid parameter "${text.slice(at)}"`, word);
    } else {
      parts.push({ variable: name });
    }
  }
  return parts;
}

export function formatPlan(format: LogFormat, compiler: Compiler) {
  const place = format.statement?.place(1);
  const parts = format.parts.map((part) =>
    typeof part === 'string' ? part : compiler.variables.slot(part.variable, place),
  );
  return { escape: format.escape, parts };
}
