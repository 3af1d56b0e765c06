import { limitExcept, serverBlock } from '../../modules/http-core-blocks.ts';
import { connectionPlan } from '../../modules/http-core-connection.ts';
import { type LocationMatch, location, locationMatch } from '../../modules/location.ts';
import { serverName } from '../../modules/server-name.ts';
import type { LocationPlan, LocationTreePlan, ServerPlan } from '../../plan/http.ts';
import type { Index } from '../../plan/plan.ts';
import type { Scope } from '../scope.ts';
import type { Statement } from '../statement.ts';
import type { Compiler } from './compiler.ts';

/** A server with the block that it was read from. */
export interface CompiledServer {
  readonly scope: Scope;
  readonly plan: ServerPlan;
}

export function compileServers(http: Scope, compiler: Compiler): CompiledServer[] {
  return http.blocks(serverBlock).map((scope) => ({ scope, plan: compileServer(scope, compiler) }));
}

function compileServer(scope: Scope, compiler: Compiler): ServerPlan {
  const rewrite = compiler.rewrite(scope);
  return {
    name: displayName(scope),
    block: compiler.block(scope),
    locations: compileLocations(scope, compiler),
    connection: connectionPlan(scope),
    ...(rewrite && { rewrite }),
  };
}

/** What `$server_name` shows: the first name; `.example.com` shows as `example.com`. */
function displayName(scope: Scope): string {
  const first = scope.own(serverName)[0]?.value[0];
  if (!first) return '';
  return first.kind === 'regex' ? `~${first.pattern}` : first.text.replace(/^\./, '');
}

function compileLocations(scope: Scope, compiler: Compiler): LocationTreePlan {
  const exact = new Map<string, LocationPlan>();
  const prefix = new Map<string, LocationPlan>();
  const regex: [Index, LocationPlan][] = [];
  const named: [string, LocationPlan][] = [];
  for (const block of scope.blocks(location)) {
    const match = locationMatch(block);
    const statement = block.opener?.statement;
    if (!match || !statement) continue;
    compiler.diagnostics.attempt(() => {
      const plan = compileLocation(match, block, compiler);
      if (match.kind === 'regex') {
        regex.push([compiler.regex(match.name, match.caseless === true, statement, match.word), plan]);
      } else if (match.kind === 'named') {
        named.push([match.name, plan]);
      } else {
        addOnce(match.kind === 'exact' ? exact : prefix, match, plan, statement);
      }
    });
  }
  return { exact: [...exact], prefix: [...prefix], regex, ...(named.length > 0 && { named }) };
}

function addOnce(
  known: Map<string, LocationPlan>,
  match: LocationMatch,
  plan: LocationPlan,
  statement: Statement,
): void {
  if (known.has(match.name)) throw statement.fail(`duplicate location "${match.name}"`, match.word);
  known.set(match.name, plan);
}

function compileLocation(match: LocationMatch, scope: Scope, compiler: Compiler): LocationPlan {
  const module = compiler.handler(scope);
  const rewrite = compiler.rewrite(scope);
  const limited = compileLimitExcept(scope, compiler);
  const autoRedirect = module?.handler?.redirectsToSlash === true && match.name.endsWith('/');
  return {
    name: match.name,
    block: compiler.block(scope),
    ...(match.noRegex && { noRegex: true }),
    ...(match.kind === 'exact' && { exactMatch: true }),
    ...(autoRedirect && { autoRedirect }),
    ...(scope.has(location) && { nested: compileLocations(scope, compiler) }),
    ...(rewrite && { rewrite }),
    ...(module && { handler: module.name }),
    ...(limited && { limitExcept: limited }),
  };
}

function compileLimitExcept(scope: Scope, compiler: Compiler): LocationPlan['limitExcept'] {
  const entry = scope.own(limitExcept)[0];
  if (!entry?.scope) return undefined;
  const module = compiler.handler(entry.scope);
  return {
    methods: entry.value,
    block: compiler.block(entry.scope),
    ...(module && { handler: module.name }),
  };
}
