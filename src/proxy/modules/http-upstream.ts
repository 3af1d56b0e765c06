/** https://nginx.org/en/docs/http/ngx_http_upstream_module.html */
import { type Address, parseAddress, resolveAddress } from '../conf/address.ts';
import type { Compiler } from '../conf/compile/compiler.ts';
import { HTTP, ONE, ONE_OR_MORE, ONE_OR_TWO, UPSTREAM } from '../conf/contexts.ts';
import type { Entry, Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseNumber, parseSeconds, parseSize } from '../conf/units.ts';
import type { KeepalivePlan, PeerPlan, UpstreamPlan } from '../plan/upstream.ts';
import { directive, number, structural, time } from './directive.ts';
import { type HttpModule, prefixes, volatiles } from './module.ts';
import {
  resolver as httpResolver,
  resolverTimeout as httpResolverTimeout,
  readResolver,
} from './resolver.ts';

interface Server {
  readonly text: string;
  readonly address: Address;
  readonly weight: number;
  readonly maxConns: number;
  readonly maxFails: number;
  /** Milliseconds. */
  readonly failTimeout: number;
  readonly backup: boolean;
  readonly down: boolean;
  readonly resolve: boolean;
  readonly service?: string;
}

const upstream = directive<string>({
  name: 'upstream',
  contexts: HTTP,
  args: ONE,
  repeats: true,
  body: { of: 'directives', opens: () => UPSTREAM },
  read: (statement) => statement.word(1),
});

const server = structural(
  directive({ name: 'server', contexts: UPSTREAM, args: ONE_OR_MORE, repeats: true, read: readServer }),
);
const zone = structural(directive({ name: 'zone', contexts: UPSTREAM, args: ONE_OR_TWO, read: readZone }));
const keepalive = structural(
  directive({ name: 'keepalive', contexts: UPSTREAM, args: ONE_OR_TWO, read: readKeepalive }),
);
const keepaliveRequests = structural(number('keepalive_requests', UPSTREAM, 1000));
const keepaliveTime = structural(time('keepalive_time', UPSTREAM, 3_600_000));
const keepaliveTimeout = structural(time('keepalive_timeout', UPSTREAM, 60_000));
const resolver = structural(
  directive({ name: 'resolver', contexts: UPSTREAM, args: ONE_OR_MORE, read: readResolver }),
);
const resolverTimeout = structural(time<undefined>('resolver_timeout', UPSTREAM, undefined));

export const httpUpstream: HttpModule = {
  name: 'http_upstream',
  directives: [
    upstream,
    server,
    zone,
    keepalive,
    keepaliveRequests,
    keepaliveTime,
    keepaliveTimeout,
    resolver,
    resolverTimeout,
  ],
  variables: [
    ...volatiles(
      'upstream_addr',
      'upstream_status',
      'upstream_connect_time',
      'upstream_header_time',
      'upstream_response_time',
      'upstream_response_length',
      'upstream_bytes_received',
      'upstream_bytes_sent',
    ),
    ...prefixes('upstream_http_', 'upstream_trailer_', 'upstream_cookie_'),
  ],
  declare: (http, compiler) => {
    for (const block of http.blocks(upstream)) {
      compiler.diagnostics.attempt(() => declareUpstream(http, block, compiler));
    }
  },
};

function declareUpstream(http: Scope, block: Scope, compiler: Compiler): void {
  const statement = block.opener?.statement;
  if (!statement) return;
  const servers = block.own(server);
  if (servers.length === 0) throw statement.fail('no servers are inside upstream', 1);
  const shared = block.own(zone)[0];
  const resolver = upstreamResolver(http, block);
  const name = statement.word(1);
  if (servers.some(({ value }) => value.resolve)) {
    if (!shared) {
      const group = `upstream "${name}"${statement.source.suffix(statement.line)}`;
      const message = `resolving names at run time requires ${group} to be in shared memory`;
      compiler.diagnostics.reportBare('emerg', message, statement.place(1));
      return;
    }
    if (!resolver)
      throw statement.fail(`no resolver defined to resolve names at run time in upstream "${name}"`, 1);
  }
  const peers = servers.map((entry) => peerPlan(entry, compiler));
  if (peers.every((peer) => peer.backup)) throw statement.fail(`no servers in upstream "${name}"`, 1);
  const kept = keepalivePlan(block);
  const plan: UpstreamPlan = {
    name,
    balancer: 'round_robin',
    peers,
    ...(shared && { zone: zoneFd(shared, compiler) }),
    ...(kept && { keepalive: kept }),
    ...(resolver && { resolver: JSON.stringify(resolver) }),
  };
  compiler.upstreams.declare(plan, statement);
}

/** A group's own resolver, else that of the http block. */
function upstreamResolver(http: Scope, block: Scope) {
  const found = block.own(resolver)[0] ?? http.own(httpResolver)[0];
  if (!found) return undefined;
  const timeout = block.own(resolverTimeout)[0]?.value ?? http.get(httpResolverTimeout);
  return { ...found.value, timeout };
}

function peerPlan({ value, statement }: Entry<Server>, compiler: Compiler): PeerPlan {
  const { text, address, resolve, service, ...rest } = value;
  const isName = address.kind === 'inet' && !/^(\[|[0-9.]+$)/.test(address.host);
  if (service !== undefined) {
    if (address.kind !== 'unix' && !address.noPort)
      throw statement.fail(`service upstream "${text}" may not have port`, 1);
    if (!isName) throw statement.fail(`service upstream "${text}" requires domain name`, 1);
  }
  if (resolve && isName) {
    const name = { name: address.host, port: address.port, ...(service !== undefined && { service }) };
    return { server: text, addresses: [], ...rest, resolve: name };
  }
  const addresses = resolveAddress(address, compiler.platform);
  if (addresses.length === 0) throw statement.fail(`host not found in upstream "${text}"`, 1);
  return { server: text, addresses, ...rest };
}

/** Connections are kept by default, each for the location that made it. */
function keepalivePlan(block: Scope): KeepalivePlan | undefined {
  const said = block.own(keepalive)[0]?.value ?? { connections: 32, local: true };
  if (said.connections === 0) return undefined;
  return {
    ...said,
    requests: block.get(keepaliveRequests),
    time: block.get(keepaliveTime),
    timeout: block.get(keepaliveTimeout),
  };
}

interface Zone {
  readonly name: string;
  /** 0: another group gives it. */
  readonly size: number;
}

const LEAST_ZONE = 8 * 4096;

function readZone(statement: Statement): Zone {
  const name = statement.word(1);
  if (name === '') throw statement.fail(`invalid zone name "${name}"`, 1);
  if (statement.words.length === 2) return { name, size: 0 };
  const size = parseSize(statement.word(2));
  if (size === undefined) throw statement.fail(`invalid zone size "${statement.word(2)}"`, 2);
  if (size < LEAST_ZONE) throw statement.fail(`zone "${name}" is too small`, 1);
  return { name, size };
}

function zoneFd({ value, statement }: Entry<Zone>, compiler: Compiler): number {
  return compiler.descriptors.zone(value.name, value.size, 'http_upstream', statement);
}

function readKeepalive(statement: Statement): { connections: number; local?: boolean } {
  const connections = parseNumber(statement.word(1));
  if (connections === undefined) {
    throw statement.fail(`invalid value "${statement.word(1)}" in "keepalive" directive`, 1);
  }
  if (statement.words.length === 2) return { connections };
  if (statement.word(2) !== 'local') throw statement.fail(`invalid parameter "${statement.word(2)}"`, 2);
  return { connections, local: true };
}

function readServer(statement: Statement): Server {
  const options = {
    weight: 1,
    maxConns: 0,
    maxFails: 1,
    failTimeout: 10_000,
    backup: false,
    down: false,
    resolve: false,
  };
  let service: string | undefined;
  for (const [index, word] of statement.words.entries()) {
    if (index < 2) continue;
    const [, name = word, value = ''] =
      /^(weight|max_conns|max_fails|fail_timeout|service)=(.*)$/s.exec(word) ?? [];
    const count = parseNumber(value);
    const seconds = parseSeconds(value);
    if (name === 'weight' && count) options.weight = count;
    else if (name === 'max_conns' && count !== undefined) options.maxConns = count;
    else if (name === 'max_fails' && count !== undefined) options.maxFails = count;
    else if (name === 'fail_timeout' && seconds !== undefined) options.failTimeout = seconds * 1000;
    else if (name === 'service' && value === '') throw statement.fail('service is empty', index);
    else if (name === 'service') service = value;
    else if (name === 'backup') options.backup = true;
    else if (name === 'down') options.down = true;
    else if (name === 'resolve') options.resolve = true;
    else throw statement.fail(`invalid parameter "${word}"`, index);
  }
  const text = statement.word(1);
  if (service !== undefined && !options.resolve) {
    throw statement.fail(`service upstream "${text}" requires "resolve" parameter`, 1);
  }
  const address = parseAddress(text, 80);
  if ('error' in address) throw statement.fail(`${address.error} in upstream "${text}"`, 1);
  return { text, address, ...options, ...(service !== undefined && { service }) };
}
