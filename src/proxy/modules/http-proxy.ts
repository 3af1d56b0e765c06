/** https://nginx.org/en/docs/http/ngx_http_proxy_module.html */
import type { Compiler } from '../conf/compile/compiler.ts';
import { HTTP_SERVER_LOCATION, LIMIT_EXCEPT, LOCATION, LOCATION_IF, ONE, TWO } from '../conf/contexts.ts';
import type { Scope } from '../conf/scope.ts';
import type { ModuleConf } from '../plan/http.ts';
import type { Index, Template } from '../plan/plan.ts';
import { choice, type Directive, directive, flag, list, local, size, text } from './directive.ts';
import { proxyKernelNetworkStack } from './fstack.ts';
import { constants, type HttpModule, volatiles } from './module.ts';
import { type ProxyPass, proxyPassPlan, readProxyPass } from './proxy-pass.ts';
import {
  compileCookieFlags,
  compileCookieRules,
  compileRedirects,
  PROXY_REWRITES,
} from './proxy-rewrites.ts';
import { upstreamSettings } from './upstream-settings.ts';
import { upstreamTls } from './upstream-tls.ts';

export const proxyPass: Directive<ProxyPass> = local(
  directive({
    name: 'proxy_pass',
    contexts: LOCATION | LOCATION_IF | LIMIT_EXCEPT,
    args: ONE,
    read: readProxyPass,
  }),
);

const setHeader = list('proxy_set_header', HTTP_SERVER_LOCATION, TWO, (statement) => ({
  name: statement.word(1),
  value: statement.word(2),
}));
const setBody = text('proxy_set_body', HTTP_SERVER_LOCATION, undefined);
const method = text('proxy_method', HTTP_SERVER_LOCATION, undefined);
const httpVersion = choice('proxy_http_version', HTTP_SERVER_LOCATION, ['1.0', '1.1', '2'], '1.1');
const passTrailers = flag('proxy_pass_trailers', HTTP_SERVER_LOCATION, false);
const sendLowat = size('proxy_send_lowat', HTTP_SERVER_LOCATION, 0);

const upstream = upstreamSettings('proxy', {
  hidden: [
    'Date',
    'Server',
    'X-Pad',
    'X-Accel-Expires',
    'X-Accel-Redirect',
    'X-Accel-Limit-Rate',
    'X-Accel-Buffering',
    'X-Accel-Charset',
  ],
  temp: (compiler) => compiler.defaults.proxyTemp,
});

const tls = upstreamTls('proxy');

export const httpProxy: HttpModule = {
  name: 'http_proxy',
  directives: [
    proxyPass,
    setHeader,
    setBody,
    method,
    httpVersion,
    passTrailers,
    sendLowat,
    proxyKernelNetworkStack,
    ...PROXY_REWRITES,
    ...upstream.directives,
    ...tls.directives,
  ],
  variables: [...volatiles('proxy_host', 'proxy_port'), ...constants('proxy_add_x_forwarded_for')].map(
    (variable) => ({
      ...variable,
      changeable: variable.name !== 'proxy_add_x_forwarded_for',
    }),
  ),
  handler: { directive: proxyPass, redirectsToSlash: true },
  compileBlock,
};

function compileBlock(scope: Scope, compiler: Compiler): ModuleConf {
  const pass = proxyPassPlan(scope, proxyPass, compiler);
  const { upstream: group, ...target } = pass ?? {};
  const body = scope.find(setBody);
  const verb = scope.find(method);
  const secured = pass && pass.scheme?.toLowerCase() !== 'http://';
  return {
    ...target,
    upstream: {
      ...upstream.compile(scope, compiler, group),
      passTrailers: scope.get(passTrailers),
      ...(scope.get(proxyKernelNetworkStack) && { kernelNetworkStack: true }),
      ...(secured && { tls: tls.compile(scope, compiler) }),
    },
    ...headersPlan(scope, compiler),
    ...(body && { body: compiler.template(body.value, body.statement) }),
    ...(verb && { method: compiler.template(verb.value, verb.statement) }),
    httpVersion: scope.get(httpVersion),
    redirects: compileRedirects(scope, proxyPass, compiler),
    ...compileCookieRules(scope, compiler),
    cookieFlags: compileCookieFlags(scope, compiler),
  };
}

/** In place of a value: what only the request itself knows. */
const BODY_LENGTH = 0;
const CHUNKED = 1;

/** Fields of the client's request that don't go on as they are; an empty value drops the field. */
const DEFAULT_HEADERS: readonly (readonly [string, '' | typeof BODY_LENGTH | typeof CHUNKED])[] = [
  ['Host', ''],
  ['Connection', ''],
  ['Proxy-Connection', ''],
  ['Content-Length', BODY_LENGTH],
  ['Transfer-Encoding', CHUNKED],
  ['TE', ''],
  ['Keep-Alive', ''],
  ['Expect', ''],
  ['Upgrade', ''],
];

interface HeadersPlan {
  readonly host?: Template;
  readonly headers: readonly (readonly [string, Template | Index])[];
  readonly replacedHeaders: readonly string[];
}

/** The configuration's fields, then the defaults that it doesn't name. Host has a place of its own, right behind the request line. */
function headersPlan(scope: Scope, compiler: Compiler): HeadersPlan {
  const said = scope.all(setHeader);
  const named = new Set(said.map(({ value }) => value.name.toLowerCase()));
  const headers: (readonly [string, Template | Index])[] = [];
  let host: Template | undefined;
  for (const { value, statement } of said) {
    const template = compiler.template(value.value, statement, 2);
    if (value.name.toLowerCase() === 'host') host = template;
    else if (template !== '') headers.push([value.name, template]);
  }
  for (const [name, value] of DEFAULT_HEADERS) {
    if (value !== '' && !named.has(name.toLowerCase())) headers.push([name, value]);
  }
  const replacedHeaders = [...said.map(({ value }) => value.name), ...DEFAULT_HEADERS.map(([name]) => name)];
  return { headers, replacedHeaders, ...(host !== undefined && { host }) };
}
