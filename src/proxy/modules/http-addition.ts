/** https://nginx.org/en/docs/http/ngx_http_addition_module.html */
import { HTTP_SERVER_LOCATION, ONE_OR_MORE } from '../conf/contexts.ts';
import type { Scope } from '../conf/scope.ts';
import type { ModuleConf } from '../plan/http.ts';
import { list, text } from './directive.ts';
import type { HttpModule } from './module.ts';

const addBeforeBody = text('add_before_body', HTTP_SERVER_LOCATION, '');
const addAfterBody = text('add_after_body', HTTP_SERVER_LOCATION, '');
const additionTypes = list('addition_types', HTTP_SERVER_LOCATION, ONE_OR_MORE, (statement) =>
  statement.words.slice(1),
);

export const httpAddition: HttpModule = {
  name: 'http_addition',
  directives: [addBeforeBody, addAfterBody, additionTypes],
  compileBlock,
};

function compileBlock(scope: Scope): ModuleConf {
  const types = scope.all(additionTypes).flatMap(({ value }) => value);
  return {
    before: scope.get(addBeforeBody),
    after: scope.get(addAfterBody),
    types: ['text/html', ...types],
  };
}
