/** https://nginx.org/en/docs/http/ngx_http_stub_status_module.html, and `sluice_status`: all that is counted. */
import { LOCATION, SERVER } from '../conf/contexts.ts';
import type { Scope } from '../conf/scope.ts';
import { directive, local, readChoice } from './directive.ts';
import { type HttpModule, volatiles } from './module.ts';

const CONTEXTS = SERVER | LOCATION;

const stubStatus = local(
  directive({ name: 'stub_status', contexts: CONTEXTS, args: [0, 1], read: () => 'stub' as const }),
);

const sluiceStatus = local(
  directive({
    name: 'sluice_status',
    contexts: CONTEXTS,
    args: [0, 1],
    read: (statement) =>
      statement.words.length > 1 ? readChoice(statement, 1, ['json', 'prometheus']) : 'asAsked',
  }),
);

export const httpStatus: HttpModule = {
  name: 'http_status',
  directives: [stubStatus, sluiceStatus],
  variables: volatiles(
    'connections_active',
    'connections_reading',
    'connections_waiting',
    'connections_writing',
  ),
  compileBlock,
};

/** Of both in a block, the one that is said last. */
function compileBlock(scope: Scope): { page?: string } {
  const said = [scope.find(stubStatus), scope.find(sluiceStatus)].flatMap((entry) => entry ?? []);
  const last = said.sort((a, b) => a.statement.sequence - b.statement.sequence).at(-1);
  return last ? { page: last.value } : {};
}
