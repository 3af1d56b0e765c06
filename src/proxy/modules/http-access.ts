/** https://nginx.org/en/docs/http/ngx_http_access_module.html */
import { type Cidr, parseCidr } from '../conf/cidr.ts';
import { HTTP_SERVER_LOCATION, LIMIT_EXCEPT, ONE } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Entry, Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { list } from './directive.ts';
import type { HttpModule } from './module.ts';

/** Whom a rule is about. */
type Clients = { readonly family: 'all' | 'unix' } | ({ readonly family: 'ipv4' | 'ipv6' } & Cidr);

const CONTEXTS = HTTP_SERVER_LOCATION | LIMIT_EXCEPT;
const allow = list('allow', CONTEXTS, ONE, readClients);
const deny = list('deny', CONTEXTS, ONE, readClients);

export const httpAccess: HttpModule = {
  name: 'http_access',
  directives: [allow, deny],
  compileBlock: (scope) => ({ rules: rulesOf(scope).map(rulePlan) }),
};

function readClients(statement: Statement, context: ReadContext): Clients {
  const word = statement.word(1);
  if (word === 'all') return { family: 'all' };
  if (word === 'unix:') return { family: 'unix' };
  const cidr = parseCidr(word);
  if (!cidr) throw statement.fail(`invalid parameter "${word}"`, 1);
  if (cidr.lowBits) context.warn(statement, `low address bits of ${word} are meaningless`, 1);
  return { family: cidr.address.length === 4 ? 'ipv4' : 'ipv6', ...cidr };
}

/** Both directives make one list, in order; it is inherited as a whole. */
function rulesOf(scope: Scope): readonly Entry<Clients>[] {
  for (let block: Scope | undefined = scope; block; block = block.parent) {
    const own = [...block.own(allow), ...block.own(deny)];
    if (own.length > 0) return own.sort((a, b) => a.statement.sequence - b.statement.sequence);
  }
  return [];
}

function rulePlan({ directive, value }: Entry<Clients>) {
  const rule = { deny: directive === deny, family: value.family };
  return 'mask' in value ? { ...rule, address: value.address, mask: value.mask } : rule;
}
