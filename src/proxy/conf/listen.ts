import { isIPv6 } from 'node:net';
import type { KeepaliveSettings } from '../cluster/settings.ts';
import { parseListenAddress, resolveAddress } from './address.ts';
import type { Platform } from './platform.ts';
import type { ReadContext } from './read-context.ts';
import type { Statement } from './statement.ts';
import { parseNumber, parseSeconds, parseSize } from './units.ts';

/** A `listen` directive: https://nginx.org/en/docs/http/ngx_http_core_module.html#listen */
export interface Listen {
  /** Numeric: `0.0.0.0:80`, `[::]:80`, `unix:/path`. Several for a name or a range of ports. */
  readonly addresses: readonly string[];
  readonly defaultServer: boolean;
  readonly protocols: Protocols;
  /** Socket options, undefined if the directive has none: they belong to the address, and may be said only once. */
  readonly socket: ListenSocket | undefined;
}

/** What a connection begins with. */
export interface Protocols {
  readonly proxyProtocol: boolean;
  readonly ssl: boolean;
  /** `listen … http2`: the older way of `http2 on`. */
  readonly http2: boolean;
  readonly quic: boolean;
}

export interface ListenSocket {
  backlog?: number;
  /** Bytes. */
  rcvbuf?: number;
  sndbuf?: number;
  fastopen?: number;
  deferred?: boolean;
  ipv6only?: boolean;
  reuseport?: boolean;
  multipath?: boolean;
  keepalive?: KeepaliveSettings;
}

const DEFAULT_PORT = 80;

/** Parameters that set a socket option, by name; false says that the value is none. */
const SOCKET_PARAMETERS: Readonly<Record<string, (socket: ListenSocket, value: string) => boolean>> = {
  bind: (_, value) => value === '',
  'backlog=': (socket, value) => {
    const backlog = parseNumber(value);
    if (backlog) socket.backlog = backlog;
    return Boolean(backlog);
  },
  'fastopen=': (socket, value) => assign(socket, 'fastopen', parseNumber(value)),
  'rcvbuf=': (socket, value) => assign(socket, 'rcvbuf', parseSize(value)),
  'sndbuf=': (socket, value) => assign(socket, 'sndbuf', parseSize(value)),
  deferred: (socket, value) => value === '' && assign(socket, 'deferred', true),
  reuseport: (socket, value) => value === '' && assign(socket, 'reuseport', true),
  multipath: (socket, value) => value === '' && assign(socket, 'multipath', true),
};

export function readListen(statement: Statement, { platform, warn }: ReadContext): Listen {
  const text = statement.word(1);
  const address = parseListenAddress(text, DEFAULT_PORT);
  if ('error' in address) throw statement.fail(`${address.error} in "${text}" of the "listen" directive`, 1);
  let socket: ListenSocket | undefined;
  let defaultServer = false;
  let proxyProtocol = false;
  let ssl = false;
  let http2 = false;
  let quic = false;
  for (let word = 2; word < statement.words.length; word++) {
    const parameter = statement.word(word);
    if (parameter === 'default_server' || parameter === 'default') defaultServer = true;
    else if (parameter === 'proxy_protocol') proxyProtocol = true;
    else if (parameter === 'ssl') ssl = true;
    else if (parameter === 'quic') quic = true;
    else if (parameter === 'http2') {
      http2 = true;
      const advice = 'use the "http2" directive instead';
      warn(statement, `the "listen ... http2" directive is deprecated, ${advice}`, word);
    } else {
      socket ??= {};
      readSocketParameter(socket, statement, word);
    }
  }
  const protocols = { proxyProtocol, ssl, http2, quic };
  if (quic) refuseBeside(address.kind, protocols, socket, statement);
  const addresses = expand(address, platform);
  if (addresses.length === 0)
    throw statement.fail(`host not found in "${text}" of the "listen" directive`, 1);
  return { addresses, defaultServer, protocols, socket };
}

/** What a datagram socket doesn't have, or QUIC brings by itself. */
function refuseBeside(
  kind: 'unix' | 'inet',
  { proxyProtocol, ssl, http2 }: Protocols,
  socket: ListenSocket | undefined,
  statement: Statement,
): void {
  const said: Readonly<Record<string, boolean>> = {
    fastopen: socket?.fastopen !== undefined,
    deferred: socket?.deferred === true,
    multipath: socket?.multipath === true,
    so_keepalive: socket?.keepalive !== undefined,
    ssl,
    http2,
    proxy_protocol: proxyProtocol,
  };
  if (kind === 'unix') throw statement.fail('a unix socket is no address for "quic"', 1);
  for (const [parameter, found] of Object.entries(said)) {
    if (found) throw statement.fail(`"${parameter}" parameter is incompatible with "quic"`);
  }
}

function readSocketParameter(socket: ListenSocket, statement: Statement, word: number): void {
  const parameter = statement.word(word);
  refuseUnsupported(parameter, statement, word);
  const equals = parameter.indexOf('=');
  const name = equals < 0 ? parameter : parameter.slice(0, equals + 1);
  const value = equals < 0 ? '' : parameter.slice(equals + 1);
  if (name === 'so_keepalive=') {
    const keepalive = parseKeepalive(value);
    if (!keepalive) throw statement.fail(`invalid so_keepalive value: "${value}"`, word);
    socket.keepalive = keepalive;
  } else if (parameter.startsWith('ipv6only=o')) {
    if (value !== 'on' && value !== 'off') throw statement.fail(`invalid ipv6only flags "${value}"`, word);
    socket.ipv6only = value === 'on';
  } else {
    const apply = Object.hasOwn(SOCKET_PARAMETERS, name) ? SOCKET_PARAMETERS[name] : undefined;
    if (!apply) throw statement.fail(`invalid parameter "${parameter}"`, word);
    if (!apply(socket, value)) throw statement.fail(`invalid ${name.replace('=', '')} "${parameter}"`, word);
  }
}

/** In the words of an nginx that is built without them. */
function refuseUnsupported(parameter: string, statement: Statement, word: number): void {
  if (parameter.startsWith('accept_filter=')) {
    throw statement.fail(`accept filters "${parameter}" are not supported on this platform, ignored`, word);
  }
}

function assign<K extends keyof ListenSocket>(socket: ListenSocket, key: K, value: ListenSocket[K]): boolean {
  if (value === undefined) return false;
  socket[key] = value;
  return true;
}

/** `on`, `off`, or `[idle]:[interval]:[count]` with at least one of them. */
function parseKeepalive(text: string): KeepaliveSettings | undefined {
  if (text === 'on' || text === 'off') return { on: text === 'on' };
  const [idle = '', interval = '', ...counts] = text.split(':');
  const count = counts.join(':');
  const parsed = {
    ...(idle && { idle: parseSeconds(idle) }),
    ...(interval && { interval: parseSeconds(interval) }),
    ...(count && { count: parseNumber(count) }),
  };
  const values = Object.values(parsed);
  if (values.includes(undefined) || !values.some((value) => value !== 0)) return undefined;
  // nothing undefined is left in it
  return { on: true, ...(parsed as Omit<KeepaliveSettings, 'on'>) };
}

function expand(
  address: Exclude<ReturnType<typeof parseListenAddress>, { error: string }>,
  platform: Platform,
): string[] {
  if (address.kind === 'unix') return [`unix:${address.path}`];
  const host = address.host === '*' ? '0.0.0.0' : address.host;
  const found = new Set<string>();
  for (let port = address.port; port <= (address.lastPort ?? address.port); port++) {
    for (const each of resolveAddress({ ...address, host, port }, platform)) found.add(each);
  }
  return [...found];
}

/** Whether an address stands for every address of the machine. */
export function isWildcard(address: string): boolean {
  return address.startsWith('0.0.0.0:') || address.startsWith('[::]:');
}

/** `inet`, `inet6` or `unix` with the port: addresses that share one may be served by one socket. */
export function portOf(address: string): string {
  if (address.startsWith('unix:')) return 'unix';
  const colon = address.lastIndexOf(':');
  return `${isIPv6(address.slice(1, colon - 1)) ? 'inet6' : 'inet'}${address.slice(colon)}`;
}
