/** https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_pass */
import { type Address, parseAddress } from '../conf/address.ts';
import type { Compiler } from '../conf/compile/compiler.ts';
import { hasVariables } from '../conf/compile/template.ts';
import { LOCATION } from '../conf/contexts.ts';
import type { Entry, Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import type { Index, Template } from '../plan/plan.ts';
import type { Directive } from './directive.ts';
import { locationMatch } from './location.ts';

/** Where to pass requests. */
export type ProxyPass =
  | { readonly kind: 'variables'; readonly text: string }
  | {
      readonly kind: 'url';
      readonly text: string;
      readonly scheme: string;
      readonly address: Address;
      /** `$proxy_host`: the host, with its port unless that is the scheme's. */
      readonly hostHeader: string;
      /** `$proxy_port`. */
      readonly port: string;
      /** What takes the place of the location's part of the request's URI; empty: the URI goes on as it is. */
      readonly uri: string;
    };

export function readProxyPass(statement: Statement): ProxyPass {
  const text = statement.word(1);
  if (hasVariables(text)) return { kind: 'variables', text };
  const scheme = /^https?:\/\//i.exec(text)?.[0];
  if (scheme === undefined) throw statement.fail('invalid URL prefix', 1);
  const rest = text.slice(scheme.length);
  const { authority, uri } = splitAuthority(rest);
  const address = parseAddress(authority, defaultPort(scheme));
  if ('error' in address) throw statement.fail(`${address.error} in upstream "${rest}"`, 1);
  return { kind: 'url', text, scheme, address, ...names(address, scheme), uri };
}

/** `unix:/path:/uri` or `host:port/uri`; a URI that begins with its arguments gets its slash. */
function splitAuthority(text: string): { authority: string; uri: string } {
  if (/^unix:/i.test(text)) {
    const colon = text.indexOf(':', 5);
    return colon < 0
      ? { authority: text, uri: '' }
      : { authority: text.slice(0, colon), uri: text.slice(colon + 1) };
  }
  const end = /[/?#]/.exec(text)?.index ?? text.length;
  const uri = text.slice(end);
  return { authority: text.slice(0, end), uri };
}

function defaultPort(scheme: string): number {
  return scheme.toLowerCase() === 'https://' ? 443 : 80;
}

function names(address: Address, scheme: string): { hostHeader: string; port: string } {
  if (address.kind === 'unix') return { hostHeader: 'localhost', port: '' };
  const port = String(address.port);
  return {
    hostHeader:
      address.noPort || address.port === defaultPort(scheme) ? address.host : `${address.host}:${port}`,
    port,
  };
}

export interface ProxyPassPlan {
  readonly upstream?: Index;
  readonly url?: Template;
  readonly scheme?: string;
  readonly hostHeader?: string;
  readonly port?: string;
  readonly uri?: string;
  readonly location?: string;
}

export function proxyPassPlan(
  scope: Scope,
  proxyPass: Directive<ProxyPass>,
  compiler: Compiler,
): ProxyPassPlan | undefined {
  const entry = scope.find(proxyPass);
  if (!entry) return undefined;
  const { value, statement } = entry;
  if (value.kind === 'variables') return { url: compiler.template(value.text, statement) };
  const upstream = compiler.upstreams.of(value.address, statement);
  const { scheme, hostHeader, port, uri } = value;
  return { upstream, scheme, hostHeader, port, uri, location: replacedPart(scope, proxyPass, entry) };
}

/** The part of the request's URI that the URL's own takes the place of; there is none where no prefix is known. */
export function replacedPart(scope: Scope, proxyPass: Directive<ProxyPass>, entry: Entry<ProxyPass>): string {
  let owner: Scope | undefined = scope;
  while (owner && !owner.own(proxyPass).includes(entry)) owner = owner.parent;
  const match = owner?.context === LOCATION ? locationMatch(owner) : undefined;
  if (match && (match.kind === 'exact' || match.kind === 'prefix')) return match.name;
  if (entry.value.kind === 'url' && entry.value.uri !== '') {
    throw entry.statement.fail(
      '"proxy_pass" cannot have URI part in location given by regular expression, or inside named location,' +
        ' or inside "if" statement, or inside "limit_except" block',
      1,
    );
  }
  return '';
}
