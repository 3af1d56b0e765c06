import type { Compiler } from '../conf/compile/compiler.ts';
import type { Statement } from '../conf/statement.ts';
import type { RewriteCondition } from '../plan/http.ts';

/** What stands between the parentheses of `if`, taken apart. */
export type Condition =
  | { readonly test: 'set'; readonly variable: Operand }
  | { readonly test: 'equal'; readonly variable: Operand; readonly value: Operand; readonly not: boolean }
  | {
      readonly test: 'match';
      readonly variable: Operand;
      readonly pattern: Operand;
      readonly caseless: boolean;
      readonly not: boolean;
    }
  | { readonly test: FileTest; readonly path: Operand; readonly not: boolean };

type FileTest = 'file' | 'directory' | 'exists' | 'executable';

interface Operand {
  readonly text: string;
  /** Where it stands in the statement. */
  readonly word: number;
}

const FILE_TESTS: Readonly<Record<string, FileTest>> = {
  f: 'file',
  d: 'directory',
  e: 'exists',
  x: 'executable',
};

/** Takes a condition apart as nginx does, with its messages. */
export function readCondition(statement: Statement): Condition {
  const operands = withoutParentheses(statement);
  const [first = { text: '', word: 1 }, operator, last] = operands;
  const invalid = ({ text, word }: Operand): Error => statement.fail(`invalid condition "${text}"`, word);

  const fileTest = /^(!?)-(.?)$/s.exec(first.text);
  if (fileTest) {
    const test = FILE_TESTS[fileTest[2] ?? ''];
    if (operands.length !== 2 || !operator || !test) throw invalid(first);
    return { test, path: operator, not: fileTest[1] === '!' };
  }

  if (!first.text.startsWith('$') || first.text.length < 2) throw invalid(first);
  const variable = { text: first.text.slice(1), word: first.word };
  if (!operator) return { test: 'set', variable };
  if (operands.length !== 3 || !last) throw invalid(first);
  const comparison = /^(!?)(=|~\*?)$/.exec(operator.text);
  if (!comparison) throw statement.fail(`unexpected "${operator.text}" in condition`, operator.word);
  const not = comparison[1] === '!';
  if (comparison[2] === '=') return { test: 'equal', variable, value: last, not };
  return { test: 'match', variable, pattern: last, caseless: comparison[2] === '~*', not };
}

/** The parentheses may be words of their own, or parts of the first and the last one. */
function withoutParentheses(statement: Statement): Operand[] {
  const operands = statement.words.slice(1).map((text, index) => ({ text, word: index + 1 }));
  const invalid = ({ text, word }: Operand): Error => statement.fail(`invalid condition "${text}"`, word);
  const first = operands.shift() ?? { text: '', word: 1 };
  if (!first.text.startsWith('(')) throw invalid(first);
  if (first.text !== '(') operands.unshift({ text: first.text.slice(1), word: first.word });
  const last = operands.pop() ?? first;
  if (!last.text.endsWith(')')) throw invalid(last);
  if (last.text !== ')') operands.push({ text: last.text.slice(0, -1), word: last.word });
  if (operands.length === 0) throw invalid(last);
  return operands;
}

export function compileCondition(
  condition: Condition,
  statement: Statement,
  compiler: Compiler,
): RewriteCondition {
  const not = 'not' in condition && condition.not ? ({ not: true } as const) : {};
  const slot = (operand: Operand): number =>
    compiler.variables.slot(operand.text, statement.place(operand.word));
  switch (condition.test) {
    case 'set':
      return { test: 'set', variable: slot(condition.variable) };
    case 'equal': {
      const value = compiler.template(condition.value.text, statement, condition.value.word);
      return { test: 'equal', variable: slot(condition.variable), value, ...not };
    }
    case 'match': {
      const { pattern, caseless } = condition;
      const regex = compiler.regex(pattern.text, caseless, statement, pattern.word);
      return { test: 'match', variable: slot(condition.variable), regex, ...not };
    }
    default: {
      const path = compiler.template(condition.path.text, statement, condition.path.word);
      return { test: condition.test, path, ...not };
    }
  }
}
