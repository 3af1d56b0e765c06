/** Where sockets are: numeric addresses, since nothing here resolves names. */
import { isIP } from 'node:net';
import type { SocketAddress } from './addon.ts';

const MAX_PORT = 65_535;

/** Throws what is wrong with it. */
export function socketAddress({ address, port }: SocketAddress): SocketAddress {
  if (isIP(address) === 0) throw new TypeError(`"${address}" is no IP address: names are not resolved`);
  if (!Number.isInteger(port) || port < 1 || port > MAX_PORT)
    throw new RangeError(`port ${port} is not between 1 and ${MAX_PORT}`);
  return { address, port };
}
