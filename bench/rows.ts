/** What is measured. A row measures one peer at a time and knows nothing of the others. */
import { anonymousBytes, cpuMicroseconds } from './cpu.ts';
import { completedHandshakes, type HandshakeKind, requireTerms } from './handshakes.ts';
import { completedHttp3Requests, type Http3Load, withIdleHttp3Connections } from './http3.ts';
import { withIdleConnections } from './idle.ts';
import { completedRequests, type Load } from './load.ts';
import { BASELINE, type Peer, type RunningPeer } from './peers.ts';
import { countSystemCalls } from './syscalls.ts';

/** The most that Sluice may need. */
interface Goal {
  /** As a ratio to nginx, or to whom else is named; or in the row's unit. */
  readonly of: 'ratio' | 'value';
  readonly most: number;
  readonly to?: string;
}

export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly goals: readonly Goal[];
  readonly applies: (peer: Peer) => boolean;
  /** Each measurement wants a process of its own, which has done nothing yet. */
  readonly fresh?: boolean;
  readonly repeats?: number;
  readonly measure: (peer: RunningPeer, seconds: number) => Promise<number>;
}

const KIB = 1024;
/** Both served under /static/. */
export const FILES: Readonly<Record<string, number>> = { '1k': KIB, '1m': KIB * KIB };

const everyPeer = (peer: Peer): boolean => peer.overTcp;
const http3Peer = (peer: Peer): boolean => peer.speaksHttp3;
/** nginx 1.22 has no HTTP/3: its HTTP/2 is what that has to match. */
const http3PeerOrBaseline = (peer: Peer): boolean => peer.speaksHttp3 || peer === BASELINE;
const fileServer = (peer: Peer): boolean => peer.servesFiles;

export const ROWS: readonly Row[] = [
  cpuRow('proxy 100 B', '/100', { connections: 64 }, 0.85),
  cpuRow('proxy 10 KiB', `/${10 * KIB}`, { connections: 64 }, 0.75),
  cpuRow('proxy 1 MiB', `/${KIB * KIB}`, { connections: 16 }, 0.45),
  cpuRow('static 1 KiB', '/static/1k', { connections: 64 }, 0.8, fileServer),
  cpuRow('static 1 MiB', '/static/1m', { connections: 16 }, 1.05, fileServer),
  cpuRow('new connection', '/100', { connections: 16, newConnections: true }),
  {
    name: 'system calls',
    unit: 'calls/request',
    goals: [{ of: 'value', most: 4.3 }],
    applies: everyPeer,
    repeats: 1,
    measure: async (peer, seconds) => {
      const load = { connections: 64, seconds };
      const { calls, result } = await countSystemCalls(peer.pid, () =>
        completedRequests(peer.url('/100'), load),
      );
      return calls / result;
    },
  },
  cpuRow('TLS 100 B', '/100', { connections: 64, secure: true }, 0.9),
  cpuRow('TLS 1 MiB', `/${KIB * KIB}`, { connections: 16, secure: true }, 0.9),
  handshakeRow('full handshake, ECDSA', 'full', 0.8),
  handshakeRow('resumed handshake', 'resumed', 0.75),
  cpuRow('HTTP/2 32 streams', '/100', { connections: 32, secure: true, streams: 32 }, 0.5),
  cpuRow('HTTP/2 1 stream', '/100', { connections: 32, secure: true, streams: 1 }, 0.85),
  cpuRow('HTTP/2 10 MB', `/${10 * 1000 * KIB}`, { connections: 1, secure: true, streams: 1 }, 0.9),
  idleRow('idle connection', false, 5000, 1.1 * KIB),
  idleRow('idle TLS connection', true, 2000, 14 * KIB),
  http3Row('HTTP/3 10 streams', 100, { connections: 10, streams: 10 }, [
    { of: 'ratio', most: 1 },
    { of: 'ratio', most: 0.2, to: 'Caddy' },
  ]),
  http3Row('HTTP/3 1 stream', 100, { connections: 10, streams: 1 }, [{ of: 'ratio', most: 1.6 }]),
  http3Row('HTTP/3 10 MB', 10 * 1000 * KIB, { connections: 1, streams: 1 }, [{ of: 'ratio', most: 1.5 }]),
  http3SystemCallsRow('HTTP/3 calls, 10 streams', 10),
  http3SystemCallsRow('HTTP/3 calls, 1 stream', 1),
  {
    name: 'HTTP/3 handshake',
    unit: 'of the same over TCP',
    goals: [{ of: 'value', most: 1.2 }],
    applies: (peer) => peer.overTcp && peer.speaksHttp3,
    measure: async (peer, seconds) => {
      const overTcp = await handshakeCost(peer, 'full', seconds);
      return (await http3HandshakeCost(peer, seconds)) / overTcp;
    },
  },
  {
    name: 'HTTP/3 handshake, absolute',
    unit: 'µs/connection',
    goals: [],
    applies: http3Peer,
    measure: http3HandshakeCost,
  },
  {
    name: 'HTTP/3 idle connection',
    unit: 'B of user memory',
    goals: [{ of: 'value', most: 100_000 }],
    applies: http3Peer,
    fresh: true,
    repeats: 1,
    measure: (peer) =>
      withIdleHttp3Connections(peer.http3Url('/100'), 100, (open) => memoryOfMore(peer, 2000, open)),
  },
];

/** CPU time of all a peer's processes per completed request. */
function cpuRow(
  name: string,
  path: string,
  load: Omit<Load, 'seconds'>,
  goal?: number,
  applies: Row['applies'] = everyPeer,
): Row {
  return {
    name,
    unit: 'µs/request',
    goals: goal === undefined ? [] : [{ of: 'ratio', most: goal }],
    applies,
    measure: (peer, seconds) => {
      const url = load.secure ? peer.secureUrl(path) : peer.url(path);
      return cpuPerRequest(peer, () => completedRequests(url, { ...load, seconds }));
    },
  };
}

/** CPU time of a connection with its handshake, and one small request. */
function handshakeRow(name: string, kind: HandshakeKind, goal: number): Row {
  return {
    name,
    unit: 'µs/connection',
    goals: [{ of: 'ratio', most: goal }],
    applies: everyPeer,
    measure: async (peer, seconds) => {
      await requireTerms(peer.securePort);
      return handshakeCost(peer, kind, seconds);
    },
  };
}

function handshakeCost(peer: RunningPeer, kind: HandshakeKind, seconds: number): Promise<number> {
  return cpuPerRequest(peer, () => completedHandshakes(peer.securePort, kind, seconds));
}

/** Of HTTP/3 where a peer speaks it, otherwise of HTTP/2. */
function http3Row(
  name: string,
  length: number,
  load: { readonly connections: number; readonly streams: number },
  goals: readonly Goal[],
): Row {
  return {
    name,
    unit: 'µs/request',
    goals,
    applies: http3PeerOrBaseline,
    measure: (peer, seconds) =>
      cpuPerRequest(peer, () => completedNewestVersion(peer, { ...load, length, seconds })),
  };
}

function http3SystemCallsRow(name: string, streams: number): Row {
  return {
    name,
    unit: 'calls/request',
    goals: [],
    applies: http3PeerOrBaseline,
    repeats: 1,
    measure: async (peer, seconds) => {
      const load = { connections: 10, streams, length: 100, seconds };
      const { calls, result } = await countSystemCalls(peer.pid, () => completedNewestVersion(peer, load));
      return calls / result;
    },
  };
}

function completedNewestVersion(
  peer: RunningPeer,
  load: Http3Load & { readonly streams: number },
): Promise<number> {
  const path = `/${load.length}`;
  return peer.peer.speaksHttp3
    ? completedHttp3Requests(peer.http3Url(path), load)
    : completedRequests(peer.secureUrl(path), { ...load, secure: true });
}

function http3HandshakeCost(peer: RunningPeer, seconds: number): Promise<number> {
  const load = { connections: 4, length: 100, newConnections: true, seconds };
  return cpuPerRequest(peer, () => completedHttp3Requests(peer.http3Url('/100'), load));
}

async function cpuPerRequest(peer: RunningPeer, work: () => Promise<number>): Promise<number> {
  const before = cpuMicroseconds(peer.pid);
  const completed = await work();
  return (cpuMicroseconds(peer.pid) - before) / completed;
}

function idleRow(name: string, secure: boolean, connections: number, goal: number): Row {
  return {
    name,
    unit: 'B of user memory',
    goals: [{ of: 'value', most: goal }],
    applies: everyPeer,
    fresh: true,
    repeats: 1,
    // The first ones leave what doesn't grow with their number.
    measure: (peer) =>
      withIdleConnections(secure ? peer.securePort : peer.port, secure, 100, (open) =>
        memoryOfMore(peer, connections, open),
      ),
  };
}

async function memoryOfMore(
  peer: RunningPeer,
  connections: number,
  open: (more: number) => Promise<void>,
): Promise<number> {
  const before = anonymousBytes(peer.pid);
  await open(connections);
  return (anonymousBytes(peer.pid) - before) / connections;
}
