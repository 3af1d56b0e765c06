/** What the proxy changes in responses: proxy_redirect and proxy_cookie_…, as native/modules/proxy_rewrite.cc applies it. */
import type { Compiler } from '../conf/compile/compiler.ts';
import { HTTP_SERVER_LOCATION, ONE_OR_TWO } from '../conf/contexts.ts';
import type { Entry, Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import type { Index, Template } from '../plan/plan.ts';
import { type Directive, list } from './directive.ts';
import { type ProxyPass, replacedPart } from './proxy-pass.ts';

/** A text that begins with `pattern`, is that domain, or matches `regex`, gets `replacement` in its place. */
type RewritePlan =
  | { readonly pattern: Template; readonly domain?: boolean; readonly replacement: Template }
  | { readonly regex: Index; readonly replacement: Template };

type CookieFlagsPlan = { readonly flags: readonly Template[] } & (
  | { readonly name: Template }
  | { readonly regex: Index }
);

type Rule = 'off' | 'default' | { readonly from: string; readonly to: string };
type CookieFlags = 'off' | { readonly name: string; readonly flags: readonly string[] };

const redirect = list<Rule>('proxy_redirect', HTTP_SERVER_LOCATION, ONE_OR_TWO, (statement) =>
  readRule(statement, ['off', 'default']),
);
const cookieDomain = list<Rule>('proxy_cookie_domain', HTTP_SERVER_LOCATION, ONE_OR_TWO, (statement) =>
  readRule(statement, ['off']),
);
const cookiePath = list<Rule>('proxy_cookie_path', HTTP_SERVER_LOCATION, ONE_OR_TWO, (statement) =>
  readRule(statement, ['off']),
);
const cookieFlags = list<CookieFlags>('proxy_cookie_flags', HTTP_SERVER_LOCATION, [1, 4], readCookieFlags);

export const PROXY_REWRITES: readonly Directive<unknown>[] = [
  redirect,
  cookieDomain,
  cookiePath,
  cookieFlags,
];

function readRule(statement: Statement, words: readonly ('off' | 'default')[]): Rule {
  if (statement.words.length === 3) return { from: statement.word(1), to: statement.word(2) };
  const word = words.find((each) => each === statement.word(1));
  if (!word) throw statement.fail(`invalid parameter "${statement.word(1)}"`, 1);
  return word;
}

function readCookieFlags(statement: Statement): CookieFlags {
  const [, name = '', ...flags] = statement.words;
  if (flags.length > 0) return { name, flags };
  if (name !== 'off') throw statement.fail(`invalid parameter "${name}"`, 1);
  return 'off';
}

/** `off` stands alone. */
function inForce<T>(scope: Scope, directive: Directive<T | 'off'>): readonly Entry<T | 'off'>[] {
  const said = scope.all(directive);
  const off = said.findIndex(({ value }) => value === 'off');
  const extra = off < 0 ? undefined : said[off === 0 ? 1 : off];
  if (extra) throw extra.statement.failDirective('is duplicate');
  return off < 0 ? said : [];
}

/** Without a word about it, what `proxy_pass` names is turned back into the location's name. */
export function compileRedirects(
  scope: Scope,
  proxyPass: Directive<ProxyPass>,
  compiler: Compiler,
): readonly RewritePlan[] {
  const pass = scope.find(proxyPass);
  const said = inForce(scope, redirect);
  if (said.length > 0) {
    return said.map(({ value, statement }) => {
      if (value !== 'default') return value === 'off' ? noRule() : rewritePlan(value, statement, compiler);
      if (pass?.value.kind === 'variables') {
        throw statement.fail(
          '"proxy_redirect default" cannot be used with "proxy_pass" directive with variables',
          1,
        );
      }
      if (!pass || pass.statement.sequence > statement.sequence) {
        throw statement.fail('"proxy_redirect default" should be placed after the "proxy_pass" directive', 1);
      }
      return defaultRedirect(scope, proxyPass, pass);
    });
  }
  if (scope.all(redirect).length > 0 || !pass || pass.value.kind === 'variables') return [];
  return [defaultRedirect(scope, proxyPass, pass)];
}

function noRule(): never {
  throw new Error('"off" stands alone');
}

function defaultRedirect(scope: Scope, proxyPass: Directive<ProxyPass>, pass: Entry<ProxyPass>): RewritePlan {
  const { text } = pass.value;
  if (pass.value.kind === 'url' && pass.value.uri === '') return { pattern: `${text}/`, replacement: '/' };
  return { pattern: text, replacement: replacedPart(scope, proxyPass, pass) };
}

function rewritePlan(
  rule: { from: string; to: string },
  statement: Statement,
  compiler: Compiler,
): RewritePlan {
  const replacement = compiler.template(rule.to, statement, 2);
  if (!rule.from.startsWith('~')) return { pattern: compiler.template(rule.from, statement), replacement };
  const caseless = rule.from.startsWith('~*');
  return { regex: compiler.regex(rule.from.slice(caseless ? 2 : 1), caseless, statement), replacement };
}

interface CookieRules {
  readonly cookieDomains: readonly RewritePlan[];
  readonly cookiePaths: readonly RewritePlan[];
}

export function compileCookieRules(scope: Scope, compiler: Compiler): CookieRules {
  const rules = (directive: Directive<Rule>, plan: typeof rewritePlan): RewritePlan[] =>
    inForce(scope, directive).flatMap(({ value, statement }) =>
      typeof value === 'string' ? [] : plan(value, statement, compiler),
    );
  return { cookieDomains: rules(cookieDomain, domainPlan), cookiePaths: rules(cookiePath, rewritePlan) };
}

/** Domains are compared as a whole, whatever their case and with or without a leading dot. */
function domainPlan(
  rule: { from: string; to: string },
  statement: Statement,
  compiler: Compiler,
): RewritePlan {
  if (rule.from.startsWith('~')) {
    return {
      regex: compiler.regex(rule.from.slice(1), true, statement),
      replacement: compiler.template(rule.to, statement, 2),
    };
  }
  const bare = (name: string): string => name.replace(/^\./, '');
  return {
    pattern: compiler.template(bare(rule.from), statement),
    domain: true,
    replacement: compiler.template(bare(rule.to), statement, 2),
  };
}

export function compileCookieFlags(scope: Scope, compiler: Compiler): readonly CookieFlagsPlan[] {
  return inForce(scope, cookieFlags).flatMap(({ value, statement }): CookieFlagsPlan[] => {
    if (value === 'off') return [];
    const { name } = value;
    const flags = value.flags.map((flag, index) => compiler.template(flag, statement, index + 2));
    if (!name.startsWith('~')) return [{ name: compiler.template(name, statement), flags }];
    return [{ regex: compiler.regex(name.slice(1), true, statement), flags }];
  });
}
