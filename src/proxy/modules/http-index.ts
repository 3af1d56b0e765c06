/** https://nginx.org/en/docs/http/ngx_http_index_module.html */
import type { Compiler } from '../conf/compile/compiler.ts';
import { HTTP_SERVER_LOCATION, ONE_OR_MORE } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import type { ModuleConf } from '../plan/http.ts';
import type { Template } from '../plan/plan.ts';
import { list } from './directive.ts';
import type { HttpModule } from './module.ts';

const index = list('index', HTTP_SERVER_LOCATION, ONE_OR_MORE, readNames);

export const httpIndex: HttpModule = {
  name: 'http_index',
  directives: [index],
  compileBlock,
};

function readNames(statement: Statement, context: ReadContext): readonly string[] {
  const [, ...names] = statement.words;
  for (const [position, name] of names.entries()) {
    if (name.startsWith('/') && position < names.length - 1) {
      context.warn(statement, 'only the last index in "index" directive should be absolute', position + 1);
    }
    if (name === '') throw statement.fail('index "" in "index" directive is invalid', position + 1);
  }
  return names;
}

function compileBlock(scope: Scope, compiler: Compiler): ModuleConf {
  const entries = scope.all(index);
  const names: Template[] = entries.flatMap(({ value, statement }) =>
    value.map((name, position) => compiler.template(name, statement, position + 1)),
  );
  return { names: names.length > 0 ? names : ['index.html'] };
}
