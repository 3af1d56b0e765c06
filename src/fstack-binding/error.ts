/** What goes wrong with a stack, and with its sockets. */
import { getSystemErrorMap } from 'node:util';
import type { SocketAddress } from './addon.ts';

export type FstackErrorCode =
  /** Sluice was built without F-Stack, or the library can't be opened. */
  | 'ERR_FSTACK_MISSING'
  /** F-Stack's configuration can't be read, or says what can't be. */
  | 'ERR_FSTACK_CONFIGURATION'
  /** There was a stack in this process before: F-Stack allows for one. */
  | 'ERR_FSTACK_STARTED'
  /** F-Stack has given up: no device, no hugepages, no rights. */
  | 'ERR_FSTACK_START'
  /** The stack is closed, or about to be. */
  | 'ERR_FSTACK_CLOSED';

/** Of the stack itself. The message says what to do about it. */
export class FstackError extends Error {
  readonly code: FstackErrorCode;

  constructor(code: FstackErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FstackError';
    this.code = code;
  }
}

/** Of a socket, in the shape of Node's own: `code` (ECONNRESET, ETIMEDOUT …), `errno`, `syscall`, and whose address it is about. */
export function socketError(
  errno: number,
  syscall: string,
  { address, port }: SocketAddress,
): NodeJS.ErrnoException & SocketAddress {
  const [code = `E${errno}`, text = 'unknown error'] = getSystemErrorMap().get(-errno) ?? [];
  const place = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const error = new Error(`${syscall} ${code}: ${text} ${place}`);
  return Object.assign(error, { errno: -errno, code, syscall, address, port });
}
