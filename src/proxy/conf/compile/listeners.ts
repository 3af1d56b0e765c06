import type { ListenSettings, WorkerStackSettings } from '../../cluster/settings.ts';
import { listensInUserSpace } from '../../modules/fstack.ts';
import { listen } from '../../modules/http-core.ts';
import { allowsTls13, hasCertificate, rejectsHandshake } from '../../modules/http-ssl.ts';
import type { Index, ListenAddressPlan, ListenerPlan, UserSpaceSocketPlan } from '../../plan/plan.ts';
import { isWildcard, type Listen, type ListenSocket, type Protocols, portOf } from '../listen.ts';
import type { Scope } from '../scope.ts';
import type { Statement } from '../statement.ts';
import type { Compiler } from './compiler.ts';
import { compileVirtualServers } from './virtual-servers.ts';

/** A server that listens, with its position in the Plan. */
interface ListeningServer {
  readonly scope: Scope;
  readonly position: Index;
}

/** All `listen` directives of one address. */
interface ListenAddress {
  readonly address: string;
  readonly servers: ListeningServer[];
  defaultServer: Index;
  defaultSaid: boolean;
  protocols: Protocols;
  socket: ListenSocket | undefined;
  /** The protocols that are taken for agreed on; undefined until the address is said twice. */
  protocolsSaid: Protocols | undefined;
  /** Some `listen` said otherwise than the ones before. */
  protocolsChanged: boolean;
}

export interface Listeners {
  readonly plan: readonly ListenerPlan[];
  /** How to open each, by the same position. */
  readonly settings: readonly ListenSettings[];
  /** Whether any of them is for QUIC. */
  readonly quic: boolean;
}

/** nginx's default for Linux. */
const DEFAULT_BACKLOG = 511;

export function compileListeners(
  servers: readonly { scope: Scope }[],
  workers: number,
  stack: WorkerStackSettings | undefined,
  compiler: Compiler,
): Listeners {
  const addresses = collect(servers, compiler);
  const plan: ListenerPlan[] = [];
  const settings: ListenSettings[] = [];
  for (const { socketAddress, served } of sockets(addresses)) {
    const addressPlans = served.map((each) => addressPlan(each, socketAddress, compiler));
    const { quic } = socketAddress.protocols;
    const own = compiler.diagnostics.attempt(() => userSpaceSocket(socketAddress, served, stack, compiler));
    // with reuseport each worker has a queue of its own, and QUIC's connections need that
    const socket = quic ? { ...socketAddress.socket, reuseport: true } : socketAddress.socket;
    for (let worker = 0; worker < (socket?.reuseport ? workers : 1); worker++) {
      plan.push({
        fd: compiler.descriptors.listen(plan.length),
        address: socketAddress.address,
        ...(socket?.reuseport && { worker }),
        ...(own && { userSpace: own }),
        ...(quic && { datagram: true }),
        addresses: addressPlans,
      });
      settings.push({
        address: socketAddress.address,
        transport: quic ? 'datagram' : 'stream',
        backlog: DEFAULT_BACKLOG,
        ipv6only: true,
        ...(own && { userSpace: true }),
        ...socket,
      });
    }
  }
  return { plan, settings, quic: addresses.some(({ protocols }) => protocols.quic) };
}

/** FreeBSD has no counterpart, or each worker's own stack makes it pointless. */
const KERNEL_OPTIONS = ['deferred', 'fastopen', 'multipath', 'reuseport'] as const;

/** The socket that a worker on F-Stack opens in place of the kernel's; undefined: none. */
function userSpaceSocket(
  { address, socket }: ListenAddress,
  served: readonly ListenAddress[],
  stack: WorkerStackSettings | undefined,
  compiler: Compiler,
): UserSpaceSocketPlan | undefined {
  const scopes = served.flatMap(({ servers }) => servers.map(({ scope }) => scope));
  if (!listensInUserSpace(address, scopes, stack, compiler)) return undefined;
  for (const name of KERNEL_OPTIONS) {
    if (!socket?.[name]) continue;
    compiler.diagnostics.reportBare('notice', `"${name}" of "listen ${address}" has no effect on F-Stack`);
  }
  const { backlog = DEFAULT_BACKLOG, ipv6only = true, rcvbuf, sndbuf, keepalive } = socket ?? {};
  return {
    backlog,
    ipv6only,
    ...(rcvbuf !== undefined && { rcvbuf }),
    ...(sndbuf !== undefined && { sndbuf }),
    ...(keepalive && { keepalive }),
  };
}

function collect(servers: readonly { scope: Scope }[], compiler: Compiler): ListenAddress[] {
  const known = new Map<string, ListenAddress>();
  for (const [position, { scope }] of servers.entries()) {
    const entries = scope.own(listen);
    const opener = scope.opener?.statement;
    // a refused `listen` is no reason to be on the default port
    if (entries.length === 0 && opener && !compiler.diagnostics.failed) {
      const address = compiler.platform.superuser ? '0.0.0.0:80' : '0.0.0.0:8000';
      add(known, address, { addresses: [], ...PLAIN }, { scope, position }, opener, compiler);
    }
    for (const { value, statement } of entries) {
      for (const address of value.addresses) {
        compiler.diagnostics.attempt(() =>
          add(known, address, value, { scope, position }, statement, compiler),
        );
      }
    }
  }
  return [...known.values()];
}

const PLAIN = {
  defaultServer: false,
  protocols: { proxyProtocol: false, ssl: false, http2: false, quic: false },
  socket: undefined,
};

/** TCP and UDP have each their own sockets. */
function endpoint(address: string, { quic }: Protocols): string {
  return quic ? `udp ${address}` : address;
}

/** One more `listen` of an address; nginx's rules for what may be said twice. */
function add(
  known: Map<string, ListenAddress>,
  address: string,
  said: Listen,
  server: ListeningServer,
  statement: Statement,
  compiler: Compiler,
): void {
  const key = endpoint(address, said.protocols);
  const before = known.get(key);
  if (!before) {
    known.set(key, {
      address,
      servers: [server],
      defaultServer: server.position,
      defaultSaid: said.defaultServer,
      protocols: said.protocols,
      socket: said.socket,
      protocolsSaid: undefined,
      protocolsChanged: false,
    });
    return;
  }
  if (before.servers.at(-1)?.position === server.position)
    throw statement.fail(`a duplicate listen ${address}`, 1);
  before.servers.push(server);
  const socketWasSaid = before.socket !== undefined;
  if (said.socket && socketWasSaid) throw statement.fail(`duplicate listen options for ${address}`, 1);
  if (said.defaultServer) {
    if (before.defaultSaid) throw statement.fail(`a duplicate default server for ${address}`, 1);
    before.defaultSaid = true;
    before.defaultServer = server.position;
  }
  if (protocolsRedefined(before, said, socketWasSaid)) {
    compiler.warn(statement, `protocol options redefined for ${address}`, 1);
  }
  before.socket ??= said.socket;
  before.protocols = {
    proxyProtocol: before.protocols.proxyProtocol || said.protocols.proxyProtocol,
    ssl: before.protocols.ssl || said.protocols.ssl,
    http2: before.protocols.http2 || said.protocols.http2,
    quic: before.protocols.quic,
  };
}

/** Whether the protocol options of this directive contradict those that were said for the address before. */
function protocolsRedefined(before: ListenAddress, said: Listen, socketWasSaid: boolean): boolean {
  const { protocols, protocolsSaid, protocolsChanged } = before;
  const adds = !includes(protocols, said.protocols);
  const removes = !includes(said.protocols, protocols);
  const differs = protocolsSaid !== undefined && !same(protocolsSaid, said.protocols);
  before.protocolsSaid = adds ? protocols : said.protocols;
  before.protocolsChanged ||= adds || removes;
  if (adds) return (socketWasSaid && !said.socket) || protocolsChanged || removes;
  if (removes) return said.socket !== undefined || differs;
  return (said.socket !== undefined && protocolsChanged) || differs;
}

function includes(all: Protocols, some: Protocols): boolean {
  return (all.proxyProtocol || !some.proxyProtocol) && (all.ssl || !some.ssl) && (all.http2 || !some.http2);
}

function same(a: Protocols, b: Protocols): boolean {
  return includes(a, b) && includes(b, a);
}

/** Whoever speaks TLS shows a certificate: the default server at least, unless it refuses. */
function checkCertificates(served: ListenAddress, compiler: Compiler): void {
  const { ssl, quic } = served.protocols;
  if (!ssl && !quic) return;
  const first = served.servers.find(({ position }) => position === served.defaultServer);
  if (!first) return;
  if (quic && !allowsTls13(first.scope)) {
    reportServer(first, '"ssl_protocols" must enable TLSv1.3 for the "listen ... quic" directive', compiler);
  }
  if (hasCertificate(first.scope)) return;
  const without = rejectsHandshake(first.scope)
    ? served.servers.find(({ scope }) => !hasCertificate(scope) && !rejectsHandshake(scope))
    : first;
  const message = `no "ssl_certificate" is defined for the "listen ... ${quic ? 'quic' : 'ssl'}" directive`;
  reportServer(without, message, compiler);
}

function reportServer(server: ListeningServer | undefined, message: string, compiler: Compiler): void {
  const opener = server?.scope.opener?.statement;
  if (!opener) return;
  compiler.diagnostics.reportBare('emerg', message + opener.source.suffix(opener.line), opener.place());
}

/**
 * Which sockets there are. A wildcard's socket also takes the connections of addresses of its port that have no
 * socket options of their own.
 */
function* sockets(
  addresses: readonly ListenAddress[],
): Iterable<{ socketAddress: ListenAddress; served: readonly ListenAddress[] }> {
  for (const samePort of Map.groupBy(addresses, ({ address, protocols }) =>
    endpoint(portOf(address), protocols),
  ).values()) {
    const wildcard = samePort.find(({ address }) => isWildcard(address));
    const others = samePort.filter((each) => each !== wildcard);
    const shared = others.filter(({ socket }) => wildcard && !socket);
    for (const each of others) if (!shared.includes(each)) yield { socketAddress: each, served: [each] };
    if (wildcard) yield { socketAddress: wildcard, served: [...shared, wildcard] };
  }
}

function addressPlan(
  served: ListenAddress,
  socketAddress: ListenAddress,
  compiler: Compiler,
): ListenAddressPlan {
  const { address, servers, defaultServer, protocols } = served;
  checkCertificates(served, compiler);
  return {
    ...(served !== socketAddress && { address }),
    ...(protocols.proxyProtocol && { proxyProtocol: true }),
    ...(protocols.ssl && { tls: true }),
    ...(protocols.http2 && { http2: true }),
    http: compileVirtualServers(servers, defaultServer, address, compiler),
  };
}
