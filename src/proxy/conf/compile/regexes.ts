import type { Index, RegexPlan } from '../../plan/plan.ts';
import type { Platform } from '../platform.ts';
import type { Statement } from '../statement.ts';
import type { VariableTable } from './variables.ts';

/** Regular expressions by position; the same expression is compiled once. */
export class RegexTable {
  readonly #platform: Platform;
  readonly #variables: VariableTable;
  readonly #positions = new Map<string, Index>();
  readonly #plans: RegexPlan[] = [];

  constructor(platform: Platform, variables: VariableTable) {
    this.#platform = platform;
    this.#variables = variables;
  }

  /** Checks an expression; its named captures become variables. */
  add(pattern: string, caseless: boolean, statement: Statement, word = 1): Index {
    const key = (caseless ? 'i' : 'c') + pattern;
    const known = this.#positions.get(key);
    if (known !== undefined) return known;
    const checked = this.#platform.checkRegex(pattern, caseless);
    if ('error' in checked) throw statement.fail(regexError(pattern, checked.error, checked.offset), word);
    const names = checked.names.map(
      ([group, name]) => [group, this.#variables.define(name, statement, { word })] as const,
    );
    const position = this.#plans.length;
    this.#plans.push({ pattern, ...(caseless && { caseless }), ...(names.length > 0 && { names }) });
    this.#positions.set(key, position);
    return position;
  }

  plan(): readonly RegexPlan[] {
    return this.#plans;
  }
}

/** nginx's words for what PCRE2 refuses. */
export function regexError(pattern: string, error: string, offset: number): string {
  const rest = offset === pattern.length ? '' : ` at "${pattern.slice(offset)}"`;
  return `pcre2_compile() failed: ${error} in "${pattern}"${rest}`;
}
