/** https://nginx.org/en/docs/http/ngx_http_map_module.html */
import type { Compiler } from '../conf/compile/compiler.ts';
import { HostNames, type HostNamesPlan } from '../conf/compile/host-names.ts';
import { HTTP, TWO } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import type { Index, Template } from '../plan/plan.ts';
import { directive } from './directive.ts';
import type { HttpModule } from './module.ts';

/** One `map` block, as native/modules/http_map.cc reads it. */
export interface MapPlan extends HostNamesPlan<Index> {
  /** The variable that the map computes. */
  readonly variable: Index;
  readonly source: Template;
  /** Absent: the empty string. */
  readonly default?: Template;
  /** The source's final dot doesn't count. */
  readonly hostnames?: boolean;
  /** Distinct values; the keys, in lower case, tell which. */
  readonly values: readonly Template[];
  /** Tried in order when no name fits. */
  readonly regex: readonly (readonly [Index, Index])[];
}

interface MapBlock {
  /** The variable's name, without `$`. */
  readonly variable: string;
  readonly volatile: boolean;
  readonly hostnames: boolean;
  readonly values: ValueList;
  /** Position in `values`. */
  readonly default: number | undefined;
  readonly names: HostNames<number>;
  readonly expressions: readonly Expression[];
}

interface Expression {
  readonly pattern: string;
  readonly caseless: boolean;
  readonly value: number;
  readonly statement: Statement;
}

/** Values of a map, each once, with the entry that says it first. */
class ValueList {
  readonly entries: Statement[] = [];
  readonly #positions = new Map<string, number>();

  add(entry: Statement): number {
    const text = entry.word(1);
    let position = this.#positions.get(text);
    if (position === undefined) {
      position = this.entries.push(entry) - 1;
      this.#positions.set(text, position);
    }
    return position;
  }
}

const map = directive<MapBlock>({
  name: 'map',
  contexts: HTTP,
  args: TWO,
  repeats: true,
  body: { of: 'entries', includes: true },
  read: readMap,
});

export const httpMap: HttpModule = {
  name: 'http_map',
  directives: [map],
  declare: declareVariables,
  compileMain: (http, compiler) =>
    http.own(map).map(({ value, statement }) => compileMap(value, statement, compiler)),
};

function readMap(statement: Statement, { entries }: ReadContext): MapBlock {
  const variable = statement.word(2);
  if (!variable.startsWith('$') || variable === '$')
    throw statement.fail(`invalid variable name "${variable}"`, 2);
  const names = new HostNames<number>();
  const values = new ValueList();
  const expressions: Expression[] = [];
  let fallback: number | undefined;
  let hostnames = false;
  let volatile = false;
  for (const entry of entries) {
    const key = entry.word(0);
    if (entry.words.length === 1 && key === 'hostnames') {
      hostnames = true;
    } else if (entry.words.length === 1 && key === 'volatile') {
      volatile = true;
    } else if (entry.words.length !== 2) {
      throw entry.fail('invalid number of the map parameters');
    } else if (key === 'default') {
      if (fallback !== undefined) throw entry.fail('duplicate default map parameter');
      fallback = values.add(entry);
    } else if (key.startsWith('~')) {
      const caseless = key[1] === '*';
      expressions.push({
        pattern: key.slice(caseless ? 2 : 1),
        caseless,
        value: values.add(entry),
        statement: entry,
      });
    } else {
      addName(names, key.replace(/^\\/, '').toLowerCase(), values.add(entry), hostnames, entry);
    }
  }
  return { variable: variable.slice(1), volatile, hostnames, values, default: fallback, names, expressions };
}

/** Names with wildcards are hosts only behind `hostnames`. */
function addName(
  names: HostNames<number>,
  key: string,
  value: number,
  hostnames: boolean,
  entry: Statement,
): void {
  const problem = hostnames ? names.add(key, value) : names.addExact(key, value);
  if (problem === 'invalid') throw entry.fail(`invalid hostname or wildcard "${key}"`);
  if (problem === 'conflicting') throw entry.fail(`conflicting parameter "${key}"`);
}

function declareVariables(http: Scope, compiler: Compiler): void {
  for (const { value, statement } of http.own(map)) {
    const { variable, volatile } = value;
    compiler.diagnostics.attempt(() => compiler.variables.define(variable, statement, { volatile, word: 2 }));
  }
}

function compileMap(block: MapBlock, statement: Statement, compiler: Compiler): MapPlan {
  const values = block.values.entries.map((entry) => compiler.template(entry.word(1), entry));
  const fallback = block.default === undefined ? undefined : values[block.default];
  return {
    variable: compiler.variables.slot(block.variable),
    source: compiler.template(statement.word(1), statement),
    values,
    ...block.names.plan(),
    regex: block.expressions.map(({ pattern, caseless, value, statement: entry }) => [
      compiler.regex(pattern, caseless, entry, 0),
      value,
    ]),
    ...(fallback !== undefined && { default: fallback }),
    ...(block.hostnames && { hostnames: true }),
  };
}
