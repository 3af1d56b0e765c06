/** https://nginx.org/en/docs/http/ngx_http_core_module.html */

import type { Compiler } from '../conf/compile/compiler.ts';
import {
  HTTP_SERVER_LOCATION,
  LOCATION,
  LOCATION_IF,
  ONE,
  ONE_OR_MORE,
  ONE_OR_TWO,
  SERVER,
} from '../conf/contexts.ts';
import { readListen } from '../conf/listen.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { tempPath } from '../conf/temp-path.ts';
import { parseMilliseconds, parseOffset, parseSeconds } from '../conf/units.ts';
import type { ModuleConf } from '../plan/http.ts';
import {
  buffers,
  choice,
  choices,
  type Directive,
  directive,
  flag,
  list,
  number,
  offset,
  type Setting,
  seconds,
  setting,
  size,
  structural,
  text,
  time,
  unshared,
} from './directive.ts';
import { errorLog } from './error-log.ts';
import { kernelNetworkStack } from './fstack.ts';
import { httpBlock, limitExcept, serverBlock } from './http-core-blocks.ts';
import { CONNECTION_DIRECTIVES } from './http-core-connection.ts';
import {
  alias,
  disableSymlinks,
  errorPage,
  errorPagesPlan,
  openFileCache,
  root,
  rootPlan,
  typeListsOf,
  types,
} from './http-core-files.ts';
import { HTTP_CORE_VARIABLES } from './http-core-variables.ts';
import { location } from './location.ts';
import type { HttpModule } from './module.ts';
import { resolver, resolverPlan, resolverTimeout } from './resolver.ts';
import { serverName } from './server-name.ts';

const ANY_LEVEL = HTTP_SERVER_LOCATION;
const ANY_LEVEL_OR_IF = HTTP_SERVER_LOCATION | LOCATION_IF;
const NO_LIMIT = 2 ** 31 - 1;
const PAGE = 4096;

export const listen = structural(unshared(list('listen', SERVER, ONE_OR_MORE, readListen)));

export const clientMaxBodySize = offset('client_max_body_size', ANY_LEVEL, 1024 * 1024);
export const clientBodyBufferSize = size('client_body_buffer_size', ANY_LEVEL, 2 * PAGE);
const clientBodyTimeout = time('client_body_timeout', ANY_LEVEL, 60_000);
const clientBodyTempPath = tempPath('client_body_temp_path', ANY_LEVEL);
const clientBodyInFileOnly = choice('client_body_in_file_only', ANY_LEVEL, ['off', 'on', 'clean'], 'off');
const clientBodyInSingleBuffer = flag('client_body_in_single_buffer', ANY_LEVEL, false);

const defaultType = text('default_type', ANY_LEVEL, 'text/plain');
const sendfile = flag('sendfile', ANY_LEVEL_OR_IF, false);
const sendfileMaxChunk = size('sendfile_max_chunk', ANY_LEVEL, 2 * 1024 * 1024);
const directio = setting<number | undefined, undefined>({
  name: 'directio',
  contexts: ANY_LEVEL,
  args: ONE,
  fallback: undefined,
  read: readDirectio,
});
const directioAlignment = offset('directio_alignment', ANY_LEVEL, 512);
const aio = setting({ name: 'aio', contexts: ANY_LEVEL, args: ONE, fallback: 'off', read: readAio });
const aioWrite = flag('aio_write', ANY_LEVEL, false);
const outputBuffers = buffers('output_buffers', ANY_LEVEL, { number: 2, size: 32 * 1024 });
const subrequestOutputBufferSize = size('subrequest_output_buffer_size', ANY_LEVEL, PAGE);
const openFileCacheValid = seconds('open_file_cache_valid', ANY_LEVEL, 60);
const openFileCacheMinUses = number('open_file_cache_min_uses', ANY_LEVEL, 1);
const openFileCacheErrors = flag('open_file_cache_errors', ANY_LEVEL, false);
const openFileCacheEvents = flag('open_file_cache_events', ANY_LEVEL, false);

const tcpNopush = flag('tcp_nopush', ANY_LEVEL, false);
const tcpNodelay = flag('tcp_nodelay', ANY_LEVEL, true);
const sendTimeout = time('send_timeout', ANY_LEVEL, 60_000);
const limitRate = text('limit_rate', ANY_LEVEL_OR_IF, '0');
const limitRateAfter = text('limit_rate_after', ANY_LEVEL_OR_IF, '0');
const resetTimedoutConnection = flag('reset_timedout_connection', ANY_LEVEL, false);
const lingeringClose = choice('lingering_close', ANY_LEVEL, ['off', 'on', 'always'], 'on');
const lingeringTime = time('lingering_time', ANY_LEVEL, 30_000);
const lingeringTimeout = time('lingering_timeout', ANY_LEVEL, 5_000);

interface KeepaliveTimeout {
  /** Milliseconds. */
  readonly timeout: number;
  /** Seconds, for the `Keep-Alive` header; 0: no header. */
  readonly header: number;
}

const keepaliveTimeout = setting<KeepaliveTimeout, KeepaliveTimeout>({
  name: 'keepalive_timeout',
  contexts: ANY_LEVEL,
  args: ONE_OR_TWO,
  fallback: { timeout: 75_000, header: 0 },
  read: readKeepaliveTimeout,
});
const keepaliveMinTimeout = time('keepalive_min_timeout', ANY_LEVEL, 0);
const keepaliveTime = time('keepalive_time', ANY_LEVEL, 3_600_000);
const keepaliveRequests = number('keepalive_requests', ANY_LEVEL, 1000);
const keepaliveDisable = choices(
  'keepalive_disable',
  ANY_LEVEL,
  ONE_OR_TWO,
  ['none', 'msie6', 'safari'],
  ['msie6'],
);

const internal = directive({
  name: 'internal',
  contexts: LOCATION,
  args: [0, 0],
  read: () => true,
});
const satisfy = choice('satisfy', ANY_LEVEL, ['all', 'any'], 'all');
const authDelay = time('auth_delay', ANY_LEVEL, 0);

const absoluteRedirect = flag('absolute_redirect', ANY_LEVEL, true);
const serverNameInRedirect = flag('server_name_in_redirect', ANY_LEVEL, false);
const portInRedirect = flag('port_in_redirect', ANY_LEVEL, true);
const msiePadding = flag('msie_padding', ANY_LEVEL, true);
const msieRefresh = flag('msie_refresh', ANY_LEVEL, false);
const logNotFound = flag('log_not_found', ANY_LEVEL, true);
const logSubrequest = flag('log_subrequest', ANY_LEVEL, false);
const recursiveErrorPages = flag('recursive_error_pages', ANY_LEVEL, false);
const serverTokens = choice('server_tokens', ANY_LEVEL, ['off', 'on', 'build'], 'on');
const ifModifiedSince = choice('if_modified_since', ANY_LEVEL, ['off', 'exact', 'before'], 'exact');
const maxRanges = number('max_ranges', ANY_LEVEL, NO_LIMIT);
const chunkedTransferEncoding = flag('chunked_transfer_encoding', ANY_LEVEL, true);
const etag = flag('etag', ANY_LEVEL, true);
const postAction = text('post_action', ANY_LEVEL_OR_IF, undefined);
/** Conditions: 103 responses are passed on if any of them is neither empty nor `0`. */
const earlyHints = directive({
  name: 'early_hints',
  contexts: ANY_LEVEL,
  args: ONE_OR_MORE,
  read: (statement) => statement.words.slice(1),
});

/** Settings that the Plan holds as they are, under the directive's name in camel case. */
const PLAIN: Readonly<Record<string, Setting<unknown, unknown>>> = {
  clientMaxBodySize,
  clientBodyBufferSize,
  clientBodyTimeout,
  clientBodyInFileOnly,
  clientBodyInSingleBuffer,
  defaultType,
  sendfile,
  sendfileMaxChunk,
  directio,
  directioAlignment,
  aio,
  aioWrite,
  outputBuffers,
  subrequestOutputBufferSize,
  openFileCache,
  openFileCacheMinUses,
  openFileCacheErrors,
  openFileCacheEvents,
  tcpNopush,
  tcpNodelay,
  sendTimeout,
  resetTimedoutConnection,
  lingeringClose,
  lingeringTime,
  lingeringTimeout,
  keepaliveMinTimeout,
  keepaliveTime,
  keepaliveRequests,
  keepaliveDisable,
  satisfy,
  authDelay,
  absoluteRedirect,
  serverNameInRedirect,
  portInRedirect,
  msiePadding,
  msieRefresh,
  logNotFound,
  logSubrequest,
  recursiveErrorPages,
  serverTokens,
  ifModifiedSince,
  maxRanges,
  chunkedTransferEncoding,
  etag,
  postAction,
};

export const httpCore: HttpModule = {
  name: 'http_core',
  directives: [
    httpBlock,
    serverBlock,
    location,
    limitExcept,
    listen,
    serverName,
    ...CONNECTION_DIRECTIVES,
    kernelNetworkStack,
    ...Object.values(PLAIN),
    clientBodyTempPath,
    openFileCacheValid,
    keepaliveTimeout,
    earlyHints,
    limitRate,
    limitRateAfter,
    internal,
    root,
    alias,
    types,
    errorPage,
    disableSymlinks,
    resolver,
    resolverTimeout,
    // declared with the main context, but part of a block's configuration
    errorLog,
  ],
  variables: HTTP_CORE_VARIABLES,
  compileBlock,
  compileMain: (_, compiler) => ({ types: typeListsOf(compiler).plan }),
};

const PLAIN_NAMES = new Map<Directive<unknown>, string>(
  Object.entries(PLAIN).map(([name, plain]) => [plain, name]),
);
const PLAIN_DEFAULTS = Object.fromEntries(
  Object.entries(PLAIN).map(([name, { fallback }]) => [name, fallback]),
);
const plainConfs = new WeakMap<Scope, ModuleConf>();

/** The plain settings in force in a block: its parent's, with what it says itself. */
function plainConf(scope: Scope | undefined): ModuleConf {
  if (!scope) return PLAIN_DEFAULTS;
  let conf = plainConfs.get(scope);
  if (!conf) {
    const own: Record<string, unknown> = {};
    for (const { directive: said, value } of scope.entries) {
      const name = PLAIN_NAMES.get(said);
      if (name !== undefined) own[name] = value;
    }
    conf = { ...plainConf(scope.parent), ...own };
    plainConfs.set(scope, conf);
  }
  return conf;
}

function compileBlock(scope: Scope, compiler: Compiler): ModuleConf {
  const keepalive = scope.get(keepaliveTimeout);
  const symlinks = scope.find(disableSymlinks);
  const hints = scope.find(earlyHints);
  return {
    ...plainConf(scope),
    root: rootPlan(scope, compiler),
    types: typeListsOf(compiler).add(scope),
    errorPages: errorPagesPlan(scope, compiler),
    errorLog: compiler.errorLog(scope),
    internal: scope.find(internal) !== undefined,
    openFileCacheValid: scope.get(openFileCacheValid) * 1000,
    keepaliveTimeout: keepalive.timeout,
    keepaliveHeader: keepalive.header,
    clientBodyTempPath: clientBodyTempPath.plan(scope, compiler, compiler.defaults.clientBodyTemp),
    limitRate: rate(limitRate, scope, compiler),
    limitRateAfter: rate(limitRateAfter, scope, compiler),
    earlyHints: hints?.value.map((word, i) => compiler.template(word, hints.statement, i + 1)),
    resolver: resolverPlan(scope),
    disableSymlinks: symlinks && {
      check: symlinks.value.check,
      from: symlinks.value.from && compiler.template(symlinks.value.from, symlinks.statement, 2),
    },
  };
}

/** Bytes, or a template that says them when a request comes. */
function rate(of: typeof limitRate, scope: Scope, compiler: Compiler): unknown {
  const found = scope.find(of);
  if (!found) return 0;
  const template = compiler.template(found.value, found.statement);
  if (typeof template !== 'string') return template;
  const bytes = parseOffset(template);
  if (bytes === undefined) throw found.statement.failDirective('invalid value', 1);
  return bytes;
}

function readKeepaliveTimeout(statement: Statement): KeepaliveTimeout {
  const timeout = parseMilliseconds(statement.word(1));
  if (timeout === undefined) throw statement.failDirective('invalid value', 1);
  if (statement.words.length === 2) return { timeout, header: 0 };
  const header = parseSeconds(statement.word(2));
  if (header === undefined) throw statement.failDirective('invalid value', 2);
  return { timeout, header };
}

/** Files from this size on are read past the page cache; undefined for `off`. */
function readDirectio(statement: Statement): number | undefined {
  if (statement.word(1) === 'off') return undefined;
  const from = parseOffset(statement.word(1));
  if (from === undefined) throw statement.failDirective('invalid value', 1);
  return from;
}

function readAio(statement: Statement): string {
  const word = statement.word(1);
  if (word !== 'on' && word !== 'off' && !/^threads(=|$)/.test(word))
    throw statement.failDirective('invalid value', 1);
  return word;
}
