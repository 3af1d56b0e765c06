import { isIPv4, isIPv6 } from 'node:net';
import { parseNumber } from './units.ts';

/** A block of addresses, `192.168.0.0/16`, in network order. */
export interface Cidr {
  readonly address: Uint8Array;
  readonly mask: Uint8Array;
  /** The text had bits set that the mask leaves out; `address` hasn't. */
  readonly lowBits: boolean;
}

/** An address, or a block of them; undefined for anything else. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const bytes = addressBytes(slash < 0 ? text : text.slice(0, slash));
  if (!bytes) return undefined;
  const bits = bytes.length * 8;
  const shift = slash < 0 ? bits : parseNumber(text.slice(slash + 1));
  if (shift === undefined || shift > bits) return undefined;
  const mask = bytes.map((_, index) => (0xff00 >> Math.min(Math.max(shift - index * 8, 0), 8)) & 0xff);
  const address = bytes.map((byte, index) => byte & (mask[index] ?? 0));
  return { address, mask, lowBits: address.some((byte, index) => byte !== bytes[index]) };
}

/** The 4 or 16 bytes of a numeric address. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  return isIPv6(text) && !text.includes('%') ? inet6Bytes(text) : undefined;
}

/** RFC 4291, 2.2; the text is known to be right. */
function inet6Bytes(text: string): Uint8Array {
  const [head = '', tail] = text.split('::');
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = new Array<number>(16 - before.length - after.length).fill(0);
  return Uint8Array.from([...before, ...zeros, ...after]);
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
