/** https://nginx.org/en/docs/http/ngx_http_auth_request_module.html */
import type { Compiler } from '../conf/compile/compiler.ts';
import { HTTP_SERVER_LOCATION, TWO } from '../conf/contexts.ts';
import type { Scope } from '../conf/scope.ts';
import type { ModuleConf } from '../plan/http.ts';
import { list, text } from './directive.ts';
import type { HttpModule } from './module.ts';

const authRequest = text('auth_request', HTTP_SERVER_LOCATION, 'off');

const authRequestSet = list('auth_request_set', HTTP_SERVER_LOCATION, TWO, (statement) => {
  if (!statement.word(1).startsWith('$'))
    throw statement.fail(`invalid variable name "${statement.word(1)}"`, 1);
  return { variable: statement.word(1).slice(1), value: statement.word(2) };
});

export const httpAuthRequest: HttpModule = {
  name: 'http_auth_request',
  directives: [authRequest, authRequestSet],
  declare(http, compiler) {
    for (const { value, statement } of http.within(authRequestSet)) {
      compiler.diagnostics.attempt(() => compiler.variables.define(value.variable, statement, { word: 1 }));
    }
  },
  compileBlock,
};

function compileBlock(scope: Scope, compiler: Compiler): ModuleConf {
  const uri = scope.get(authRequest);
  const variables = scope
    .all(authRequestSet)
    .map(({ value, statement }) => [
      compiler.variables.slot(value.variable, statement.place(1)),
      compiler.template(value.value, statement, 2),
    ]);
  return { variables, ...(uri !== 'off' && { uri }) };
}
