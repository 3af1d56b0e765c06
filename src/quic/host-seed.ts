/** What tokens and stateless resets are derived from where no `quic_host_key` says. */
import { randomBytes } from 'node:crypto';

/** By it a new binary takes over the running one's. */
export const SEED_VARIABLE = 'SLUICE_QUIC_SEED';

const SEED_SIZE = 32;

let seed: Uint8Array | undefined;

/** This host's seed: one for the life of the master, over reloads and binary upgrades. */
export function hostSeed(): Uint8Array {
  const inherited = process.env[SEED_VARIABLE];
  seed ??= inherited ? Buffer.from(inherited, 'hex') : randomBytes(SEED_SIZE);
  return seed;
}
