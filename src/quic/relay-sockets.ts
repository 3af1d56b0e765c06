/** Where processes of this host bring each other's packets: a unix socket each, named by worker and generation. */
import { randomInt } from 'node:crypto';
import { closeSync } from 'node:fs';
import type { Addon } from '../fstack-binding/addon.ts';
import { errorNumber } from '../proxy/cluster/system-error.ts';

/** Bits that a connection ID has for it: native/quic/connection_id.h. */
const GENERATIONS = 1 << 12;
const EADDRINUSE = 98;

export interface RelaySockets {
  /** Tells this generation of workers from all others that live. */
  readonly generation: number;
  /** By worker. */
  readonly fds: readonly number[];
}

let last = randomInt(GENERATIONS);

/**
 * Binds them under the next free number. Names are in the abstract namespace: taken as long as a process has the socket,
 * of this master or of another binary's.
 */
export function nextGeneration(name: string, workers: number, addon: Addon): RelaySockets {
  for (let tries = 0; tries < GENERATIONS; tries++) {
    last = (last + 1) % GENERATIONS;
    const fds = claim(name, workers, last, addon);
    if (fds) return { generation: last, fds };
  }
  throw new Error('too many generations of workers are still draining');
}

/** Undefined when a worker of that generation lives. */
function claim(name: string, workers: number, generation: number, addon: Addon): number[] | undefined {
  const fds: number[] = [];
  try {
    for (let worker = 0; worker < workers; worker++) {
      const address = `unix:@${name}-${worker}-${generation}`;
      const fd = addon.openSocket(address, 'datagram', false);
      fds.push(fd);
      addon.bindSocket(fd, address);
    }
    return fds;
  } catch (error) {
    for (const fd of fds) closeSync(fd);
    if (errorNumber(error) === EADDRINUSE) return undefined;
    throw error;
  }
}
