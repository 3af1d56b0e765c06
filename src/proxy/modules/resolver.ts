import { parseAddress, resolveAddress } from '../conf/address.ts';
import { HTTP_SERVER_LOCATION, ONE_OR_MORE } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseSeconds } from '../conf/units.ts';
import type { ResolverPlan } from '../plan/upstream.ts';
import { type Directive, directive, time } from './directive.ts';

type Resolver = Omit<ResolverPlan, 'timeout'>;

const DNS_PORT = 53;

/** https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver */
export const resolver: Directive<Resolver> = directive({
  name: 'resolver',
  contexts: HTTP_SERVER_LOCATION,
  args: ONE_OR_MORE,
  read: readResolver,
});

export const resolverTimeout = time('resolver_timeout', HTTP_SERVER_LOCATION, 30_000);

export function readResolver(statement: Statement, { platform }: ReadContext): Resolver {
  const servers: string[] = [];
  let valid: number | undefined;
  let ipv4 = true;
  let ipv6 = true;
  for (const [index, word] of statement.words.entries()) {
    if (index === 0) continue;
    const [, name = '', value = ''] = /^(valid|ipv4|ipv6|status_zone)=(.*)$/s.exec(word) ?? [];
    if (name === '') {
      const address = parseAddress(word, DNS_PORT);
      if ('error' in address) throw statement.fail(`${address.error} in resolver "${word}"`, index);
      const resolved = resolveAddress(address, platform);
      if (resolved.length === 0) throw statement.fail(`host not found in resolver "${word}"`, index);
      servers.push(...resolved);
      continue;
    }
    const seconds = name === 'valid' ? parseSeconds(value) : undefined;
    if (seconds !== undefined) valid = seconds * 1000;
    else if (name === 'ipv4' && (value === 'on' || value === 'off')) ipv4 = value === 'on';
    else if (name === 'ipv6' && (value === 'on' || value === 'off')) ipv6 = value === 'on';
    else throw statement.fail(`invalid parameter: ${word}`, index);
  }
  if (!ipv4 && !ipv6) throw statement.fail('"ipv4" and "ipv6" cannot both be "off"');
  if (servers.length === 0) throw statement.fail('no name servers defined');
  return { servers, ipv4, ipv6, ...(valid !== undefined && { valid }) };
}

/** The resolver in force in a block, if there is one. */
export function resolverPlan(scope: Scope): ResolverPlan | undefined {
  const found = scope.find(resolver);
  return found && { ...found.value, timeout: scope.get(resolverTimeout) };
}
