/**
 * The directives that all proxying modules have under names of their own: proxy_read_timeout, fastcgi_read_timeout …
 * (https://nginx.org/en/docs/http/ngx_http_proxy_module.html). native/proxy/upstream_conf.cc reads what they compile to.
 */

import { parseAddress } from '../conf/address.ts';
import type { Compiler } from '../conf/compile/compiler.ts';
import { hasVariables } from '../conf/compile/template.ts';
import { HTTP_SERVER_LOCATION, ONE, ONE_OR_MORE, ONE_OR_TWO } from '../conf/contexts.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { tempPath } from '../conf/temp-path.ts';
import { parseSize } from '../conf/units.ts';
import type { Index, Template } from '../plan/plan.ts';
import type { ResolverText } from '../plan/upstream.ts';
import {
  buffers,
  choices,
  type Directive,
  directive,
  flag,
  list,
  number,
  offset,
  size,
  text,
  time,
} from './directive.ts';
import { resolverPlan } from './resolver.ts';

const PAGE = 4096;
const NEXT_UPSTREAM = [
  'error',
  'timeout',
  'invalid_header',
  'non_idempotent',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'updating',
  'off',
] as const;
const IGNORABLE = [
  'x-accel-redirect',
  'x-accel-expires',
  'x-accel-limit-rate',
  'x-accel-buffering',
  'x-accel-charset',
  'expires',
  'cache-control',
  'set-cookie',
  'vary',
] as const;

export interface UpstreamConfPlan {
  /** Absent: the request decides. */
  readonly upstream?: Index;
  readonly nextUpstream: readonly string[];
  readonly buffers: readonly [number, number];
  readonly busyBuffersSize: number;
  readonly tempFileWriteSize: number;
  readonly maxTempFileSize: number;
  /** Directory and the widths of its levels. */
  readonly tempPath: readonly [string, ...number[]];
  readonly hiddenHeaders: readonly string[];
  /** Lower case. */
  readonly ignoreHeaders: readonly string[];
  readonly limitRate?: Template;
  readonly bind?: { readonly address: Template; readonly transparent: boolean };
  readonly resolver?: ResolverText;
  readonly resolverTimeout?: number;
  readonly [plain: string]: unknown;
}

interface Bind {
  /** Undefined: `off`. */
  readonly address?: string;
  readonly transparent: boolean;
}

export interface UpstreamSettings {
  readonly directives: readonly Directive<unknown>[];
  compile(scope: Scope, compiler: Compiler, upstream: Index | undefined): UpstreamConfPlan;
}

export interface UpstreamSettingsOptions {
  /** Response fields that stay here unless `…_pass_header` says otherwise. */
  readonly hidden: readonly string[];
  readonly temp: (compiler: Compiler) => string;
}

/** The directives whose names begin with `prefix`. */
export function upstreamSettings(prefix: string, options: UpstreamSettingsOptions): UpstreamSettings {
  const at = HTTP_SERVER_LOCATION;
  const named = (name: string): string => `${prefix}_${name}`;
  const plain = {
    connectTimeout: time(named('connect_timeout'), at, 60_000),
    sendTimeout: time(named('send_timeout'), at, 60_000),
    readTimeout: time(named('read_timeout'), at, 60_000),
    nextUpstreamTries: number(named('next_upstream_tries'), at, 0),
    nextUpstreamTimeout: time(named('next_upstream_timeout'), at, 0),
    bufferSize: size(named('buffer_size'), at, PAGE),
    buffering: flag(named('buffering'), at, true),
    requestBuffering: flag(named('request_buffering'), at, true),
    ignoreClientAbort: flag(named('ignore_client_abort'), at, false),
    interceptErrors: flag(named('intercept_errors'), at, false),
    forceRanges: flag(named('force_ranges'), at, false),
    passRequestHeaders: flag(named('pass_request_headers'), at, true),
    passRequestBody: flag(named('pass_request_body'), at, true),
    socketKeepalive: flag(named('socket_keepalive'), at, false),
    socketRcvbuf: size(named('socket_rcvbuf'), at, 0),
    socketSndbuf: size(named('socket_sndbuf'), at, 0),
  };
  const bodyBuffers = buffers(named('buffers'), at, { number: 8, size: PAGE });
  const busyBuffersSize = size<undefined>(named('busy_buffers_size'), at, undefined);
  const tempFileWriteSize = size<undefined>(named('temp_file_write_size'), at, undefined);
  const maxTempFileSize = offset(named('max_temp_file_size'), at, 1024 * 1024 * 1024);
  const temp = tempPath(named('temp_path'), at);
  const nextUpstream = choices(named('next_upstream'), at, ONE_OR_MORE, NEXT_UPSTREAM, ['error', 'timeout']);
  const ignoreHeaders = choices(named('ignore_headers'), at, ONE_OR_MORE, IGNORABLE, []);
  const hideHeader = list(named('hide_header'), at, ONE, (statement) => statement.word(1));
  const passHeader = list(named('pass_header'), at, ONE, (statement) => statement.word(1));
  const limitRate = text(named('limit_rate'), at, undefined);
  const bind = directive({ name: named('bind'), contexts: at, args: ONE_OR_TWO, read: readBind });

  function compile(scope: Scope, compiler: Compiler, upstream: Index | undefined): UpstreamConfPlan {
    const counted = scope.get(bodyBuffers);
    const largest = Math.max(scope.get(plain.bufferSize), counted.size);
    const busy = scope.get(busyBuffersSize) ?? 2 * largest;
    const write = scope.get(tempFileWriteSize) ?? 2 * largest;
    const most = scope.get(maxTempFileSize);
    const fail = refuser(scope, [
      bodyBuffers,
      busyBuffersSize,
      tempFileWriteSize,
      maxTempFileSize,
      plain.bufferSize,
    ]);
    const larger = `the maximum of the value of "${named('buffer_size')}" and one of the "${named('buffers')}"`;
    if (counted.number < 2) fail(`there must be at least 2 "${named('buffers')}"`);
    if (busy < largest) fail(`"${named('busy_buffers_size')}" must be equal to or greater than ${larger}`);
    if (busy > (counted.number - 1) * counted.size) {
      fail(
        `"${named('busy_buffers_size')}" must be less than the size of all "${named('buffers')}" minus one buffer`,
      );
    }
    if (write < largest)
      fail(`"${named('temp_file_write_size')}" must be equal to or greater than ${larger}`);
    if (most !== 0 && most < largest) {
      fail(
        `"${named('max_temp_file_size')}" must be equal to zero to disable temporary files usage or must be equal to or` +
          ` greater than ${larger}`,
      );
    }
    const path = temp.plan(scope, compiler, options.temp(compiler));
    const levels = scope.find(temp) ? path.levels : [1, 2];
    const rate = scope.find(limitRate);
    const resolver = resolverPlan(scope);
    const next = scope.get(nextUpstream);
    return {
      ...Object.fromEntries(
        Object.entries(plain).map(([name, setting]) => [name, scope.get<unknown, unknown>(setting)]),
      ),
      ...(upstream !== undefined && { upstream }),
      nextUpstream: next.includes('off') ? [] : next,
      buffers: [counted.number, counted.size],
      busyBuffersSize: busy,
      tempFileWriteSize: write,
      maxTempFileSize: most,
      tempPath: [path.path, ...levels],
      hiddenHeaders: hiddenHeaders(scope),
      ignoreHeaders: scope.get(ignoreHeaders),
      ...(rate && { limitRate: limitRatePlan(rate.value, rate.statement, compiler) }),
      ...bindPlan(scope, compiler),
      ...(resolver && { resolver: JSON.stringify(resolver), resolverTimeout: resolver.timeout }),
    };
  }

  function hiddenHeaders(scope: Scope): string[] {
    const passed = new Set(scope.all(passHeader).map(({ value }) => value.toLowerCase()));
    const hidden = [...options.hidden, ...scope.all(hideHeader).map(({ value }) => value)];
    const byName = new Map(hidden.map((name) => [name.toLowerCase(), name]));
    return [...byName].filter(([name]) => !passed.has(name)).map(([, name]) => name);
  }

  function bindPlan(scope: Scope, compiler: Compiler): Pick<UpstreamConfPlan, 'bind'> {
    const said = scope.find(bind);
    if (said?.value.address === undefined) return {};
    const address = compiler.template(said.value.address, said.statement);
    return { bind: { address, transparent: said.value.transparent } };
  }

  const directives = [
    ...Object.values(plain),
    bodyBuffers,
    busyBuffersSize,
    tempFileWriteSize,
    maxTempFileSize,
    temp,
    nextUpstream,
    ignoreHeaders,
    hideHeader,
    passHeader,
    limitRate,
    bind,
  ];
  return { directives, compile };
}

/** Throws at the place of the first of these directives that is said; for what only follows from several of them. */
function refuser(scope: Scope, directives: readonly Directive<unknown>[]): (message: string) => void {
  return (message) => {
    const found = directives.map((each) => scope.find(each)).find((entry) => entry !== undefined);
    if (found) throw found.statement.fail(message, 1);
  };
}

function limitRatePlan(value: string, statement: Statement, compiler: Compiler): Template {
  if (!hasVariables(value) && parseSize(value) === undefined)
    throw statement.failDirective('invalid value', 1);
  return compiler.template(value, statement);
}

function readBind(statement: Statement): Bind {
  const address = statement.word(1);
  if (statement.words.length === 2 && address === 'off') return { transparent: false };
  if (!hasVariables(address) && !isNumeric(address)) throw statement.fail(`invalid address "${address}"`, 1);
  if (statement.words.length === 2) return { address, transparent: false };
  if (statement.word(2) !== 'transparent')
    throw statement.fail(`invalid parameter "${statement.word(2)}"`, 2);
  return { address, transparent: true };
}

function isNumeric(text: string): boolean {
  const address = parseAddress(
    text.includes(':') && !text.startsWith('[') && text.split(':').length > 2 ? `[${text}]` : text,
    0,
  );
  return !('error' in address) && (address.kind === 'unix' || /^(\[|[0-9.]+$)/.test(address.host));
}
