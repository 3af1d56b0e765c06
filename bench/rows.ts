/** What is measured. A row measures one peer at a time and knows nothing of the others. */
import { anonymousBytes, cpuMicroseconds } from './cpu.ts';
import { completedHandshakes, type HandshakeKind } from './handshakes.ts';
import { withIdleConnections } from './idle.ts';
import { completedRequests, type Load } from './load.ts';
import type { Peer, RunningPeer } from './peers.ts';
import { countSystemCalls } from './syscalls.ts';

export interface Row {
  readonly name: string;
  readonly unit: string;
  /** The most that it may be: as a ratio to nginx, or in the row's unit. */
  readonly goal?: { readonly of: 'ratio' | 'value'; readonly most: number };
  readonly applies: (peer: Peer) => boolean;
  /** Each measurement wants a process of its own, which has done nothing yet. */
  readonly fresh?: boolean;
  readonly repeats?: number;
  readonly measure: (peer: RunningPeer, seconds: number) => Promise<number>;
}

const KIB = 1024;
/** Both served under /static/. */
export const FILES: Readonly<Record<string, number>> = { '1k': KIB, '1m': KIB * KIB };

const everyPeer = (): boolean => true;
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
    goal: { of: 'value', most: 4.3 },
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
    ...(goal === undefined ? {} : { goal: { of: 'ratio' as const, most: goal } }),
    applies,
    measure: async (peer, seconds) => {
      const before = cpuMicroseconds(peer.pid);
      const completed = await completedRequests(load.secure ? peer.secureUrl(path) : peer.url(path), {
        ...load,
        seconds,
      });
      return (cpuMicroseconds(peer.pid) - before) / completed;
    },
  };
}

/** CPU time of a connection with its handshake, and one small request. */
function handshakeRow(name: string, kind: HandshakeKind, goal: number): Row {
  return {
    name,
    unit: 'µs/connection',
    goal: { of: 'ratio', most: goal },
    applies: everyPeer,
    measure: async (peer, seconds) => {
      const before = cpuMicroseconds(peer.pid);
      const completed = await completedHandshakes(peer.securePort, kind, seconds);
      return (cpuMicroseconds(peer.pid) - before) / completed;
    },
  };
}

function idleRow(name: string, secure: boolean, connections: number, goal: number): Row {
  return {
    name,
    unit: 'B of user memory',
    goal: { of: 'value', most: goal },
    applies: everyPeer,
    fresh: true,
    repeats: 1,
    measure: async (peer) => {
      const memory = () => anonymousBytes(peer.pid);
      // The first ones leave what doesn't grow with their number.
      return await withIdleConnections(secure ? peer.securePort : peer.port, secure, 100, async (open) => {
        const before = memory();
        await open(connections);
        return (memory() - before) / connections;
      });
    },
  };
}
