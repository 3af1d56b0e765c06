/** How connection IDs look, and what processes share: from the configuration to the Plan. */
import { createHmac } from 'node:crypto';
import type { QuicConfigurationPlan, QuicPeerPlan, QuicPlan } from '../proxy/plan/plan.ts';
import { hostSeed } from './host-seed.ts';

/**
 * The first octet of a connection ID has three bits for the configuration that it follows, and all of them set mean that
 * no load balancer knows its server (draft-ietf-quic-load-balancers, 3.2).
 */
export const MOST_ROTATION = 6;
/** Host id and nonce together, in bytes: one block of AES, and the process fits behind it (native/quic/connection_id.h). */
export const TEXT_SIZE = 16;
/** Random, and no shorter: nonces must not repeat (5.4 and 9.6 of the draft). */
export const LEAST_NONCE = 8;
export const MOST_HOST_ID = TEXT_SIZE - LEAST_NONCE;
export const KEY_SIZE = 16;

/** One value of the rotation bits, as directives say it. */
export interface Configuration {
  readonly rotation: number;
  readonly hostId: Uint8Array;
  readonly nonceSize: number;
  readonly key?: Uint8Array;
}

export function routingPlan(
  configurations: readonly Configuration[],
  peers: readonly QuicPeerPlan[],
  relays: readonly number[],
  peersSocket: number | undefined,
): QuicPlan {
  const seed = hostSeed();
  return {
    seed,
    configurations: configurations.map(configurationPlan),
    processKey: derive(seed, 'process').subarray(0, PROCESS_KEY_SIZE),
    relayKey: derive(seed, 'relay'),
    relayName: `sluice-quic-${derive(seed, 'name').toString('hex', 0, NAME_BYTES)}`,
    relays,
    // the master's (packet-routing.ts): it knows when it opens sockets
    generation: 0,
    ownSockets: false,
    ...(peersSocket !== undefined && { peers, peersSocket }),
  };
}

const PROCESS_KEY_SIZE = 8;
const NAME_BYTES = 8;

/** Hosts know each other by the key that they share for their connection IDs. */
function configurationPlan({ rotation, hostId, nonceSize, key }: Configuration): QuicConfigurationPlan {
  return { rotation, hostId, nonceSize, ...(key && { key, peerKey: derive(key, 'peers') }) };
}

function derive(key: Uint8Array, purpose: string): Buffer {
  return createHmac('sha256', key).update(`sluice quic ${purpose}`).digest();
}
