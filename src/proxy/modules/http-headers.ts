/** https://nginx.org/en/docs/http/ngx_http_headers_module.html */
import type { Compiler } from '../conf/compile/compiler.ts';
import { HTTP_SERVER_LOCATION, LOCATION_IF, ONE_OR_TWO } from '../conf/contexts.ts';
import type { Entry, Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseSeconds } from '../conf/units.ts';
import type { ModuleConf } from '../plan/http.ts';
import { choice, type Directive, directive, list, type Setting } from './directive.ts';
import type { HttpModule } from './module.ts';

interface Field {
  readonly name: string;
  readonly value: string;
  /** Whatever the response's status. */
  readonly always: boolean;
}

type Inheritance = 'off' | 'on' | 'merge';

interface Expires {
  readonly kind: 'off' | 'epoch' | 'max' | 'access' | 'modified' | 'daily';
  readonly seconds?: number;
  /** Text with variables, known when a response is there. */
  readonly text?: string;
}

const CONTEXTS = HTTP_SERVER_LOCATION | LOCATION_IF;
const DAY = 24 * 60 * 60;

const addHeader = list('add_header', CONTEXTS, [2, 3], readField);
const addTrailer = list('add_trailer', CONTEXTS, [2, 3], readField);
const addHeaderInherit = choice<Inheritance>('add_header_inherit', CONTEXTS, ['off', 'on', 'merge'], 'on');
const addTrailerInherit = choice<Inheritance>('add_trailer_inherit', CONTEXTS, ['off', 'on', 'merge'], 'on');
const expires = directive({ name: 'expires', contexts: CONTEXTS, args: ONE_OR_TWO, read: readExpires });

export const httpHeaders: HttpModule = {
  name: 'http_headers',
  directives: [addHeader, addTrailer, addHeaderInherit, addTrailerInherit, expires],
  compileBlock,
};

function compileBlock(scope: Scope, compiler: Compiler): ModuleConf {
  const said = scope.find(expires);
  const text = said?.value.text;
  return {
    headers: fieldsOf(scope, addHeader, addHeaderInherit).map((field) => fieldPlan(field, compiler)),
    trailers: fieldsOf(scope, addTrailer, addTrailerInherit).map((field) => fieldPlan(field, compiler)),
    expires: said && {
      ...said.value,
      text:
        text === undefined
          ? undefined
          : compiler.template(text, said.statement, said.statement.words.length - 1),
    },
  };
}

/** A block's own fields stand before those that it merges in. */
function fieldsOf(
  scope: Scope,
  fields: Directive<Field>,
  inheritance: Setting<Inheritance>,
): readonly Entry<Field>[] {
  const own = scope.own(fields);
  const mode = scope.get(inheritance);
  if (!scope.parent || mode === 'off' || (mode === 'on' && own.length > 0)) return own;
  return [...own, ...fieldsOf(scope.parent, fields, inheritance)];
}

function fieldPlan({ value, statement }: Entry<Field>, compiler: Compiler) {
  return { name: value.name, value: compiler.template(value.value, statement, 2), always: value.always };
}

function readField(statement: Statement): Field {
  const always = statement.words.length === 4;
  if (always && statement.word(3) !== 'always')
    throw statement.fail(`invalid parameter "${statement.word(3)}"`, 3);
  return { name: statement.word(1), value: statement.word(2), always };
}

function readExpires(statement: Statement): Expires {
  const modified = statement.words.length === 3;
  if (modified && statement.word(1) !== 'modified') throw statement.failDirective('invalid value', 1);
  const word = modified ? 2 : 1;
  const text = statement.word(word);
  if (text.includes('$')) return { kind: modified ? 'modified' : 'access', text };
  if (!modified && (text === 'epoch' || text === 'max' || text === 'off')) return { kind: text };

  const [, sign = '', time = ''] = /^([@+-]?)(.*)$/s.exec(text) ?? [];
  const daily = sign === '@';
  if (daily && modified)
    throw statement.failDirective('daily time cannot be used with "modified" parameter', word);
  const seconds = parseSeconds(time);
  if (seconds === undefined) throw statement.failDirective('invalid value', word);
  if (daily && seconds > DAY)
    throw statement.failDirective('daily time value must be less than 24 hours', word);
  const kind = daily ? 'daily' : modified ? 'modified' : 'access';
  return { kind, seconds: sign === '-' ? -seconds : seconds };
}
