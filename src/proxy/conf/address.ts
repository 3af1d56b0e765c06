import { isIPv4, isIPv6 } from 'node:net';
import type { Platform } from './platform.ts';
import { parseNumber } from './units.ts';

/** An endpoint as a directive names it. */
export type Address =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'inet';
      /** A name, `127.0.0.1`, `[::1]` or `*`. */
      readonly host: string;
      readonly port: number;
      /** Of a range of ports, in `listen` only. */
      readonly lastPort?: number;
      /** The port is the default, not in the text. */
      readonly noPort: boolean;
    };

/** nginx's words for what is wrong with an address: `invalid port`. */
export type AddressError = { readonly error: string };

/** Longest path of a unix socket, see unix(7). */
const LONGEST_PATH = 107;

/** `host[:port]`, `[v6][:port]` or `unix:path`. */
export function parseAddress(text: string, defaultPort: number): Address | AddressError {
  if (/^unix:/i.test(text)) return parseUnix(text.slice(5));
  if (/[/?]/.test(text)) return { error: 'invalid host' };
  if (text.startsWith('[')) return parseInet6(text, defaultPort, false);
  const colon = text.indexOf(':');
  const host = colon < 0 ? text : text.slice(0, colon);
  const port = colon < 0 ? { port: defaultPort } : parsePort(text.slice(colon + 1), false);
  if ('error' in port) return port;
  if (host === '') return { error: 'no host' };
  return { kind: 'inet', host, ...port, noPort: colon < 0 };
}

/** As parseAddress, for `listen`: a port alone, `*`, and ranges of ports are addresses as well. */
export function parseListenAddress(text: string, defaultPort: number): Address | AddressError {
  if (/^unix:/i.test(text)) return parseUnix(text.slice(5));
  if (/[/?]/.test(text)) return { error: 'invalid host' };
  if (text.startsWith('[')) return parseInet6(text, defaultPort, true);
  const colon = text.indexOf(':');
  if (colon < 0 && /^[0-9]+(-[0-9]+)?$/.test(text)) {
    const port = parsePort(text, true);
    return 'error' in port ? port : { kind: 'inet', host: '*', ...port, noPort: false };
  }
  const host = colon < 0 ? text : text.slice(0, colon);
  const port = colon < 0 ? { port: defaultPort } : parsePort(text.slice(colon + 1), true);
  if ('error' in port) return port;
  if (host === '') return { error: 'no host' };
  return { kind: 'inet', host, ...port, noPort: colon < 0 };
}

function parseUnix(path: string): Address | AddressError {
  if (path === '') return { error: 'no path in the unix domain socket' };
  if (path.length > LONGEST_PATH) return { error: 'too long path in the unix domain socket' };
  return { kind: 'unix', path };
}

function parseInet6(text: string, defaultPort: number, ranges: boolean): Address | AddressError {
  const end = text.indexOf(']');
  const rest = text.slice(end + 1);
  if (end < 0 || (rest !== '' && !rest.startsWith(':'))) return { error: 'invalid host' };
  const port = rest === '' ? { port: defaultPort } : parsePort(rest.slice(1), ranges);
  if ('error' in port) return port;
  if (end === 1) return { error: 'no host' };
  if (!isIPv6(text.slice(1, end))) return { error: 'invalid IPv6 address' };
  return { kind: 'inet', host: text.slice(0, end + 1), ...port, noPort: rest === '' };
}

function parsePort(text: string, ranges: boolean): { port: number; lastPort?: number } | AddressError {
  const dash = ranges ? text.indexOf('-') : -1;
  const port = parseNumber(dash < 0 ? text : text.slice(0, dash));
  const lastPort = dash < 0 ? undefined : parseNumber(text.slice(dash + 1));
  if (!isPort(port) || (dash >= 0 && !isPort(lastPort))) return { error: 'invalid port' };
  if (lastPort === undefined) return { port };
  return lastPort < port ? { error: 'invalid port range' } : { port, lastPort };
}

function isPort(port: number | undefined): port is number {
  return port !== undefined && port >= 1 && port <= 65535;
}

/** Numeric addresses, `127.0.0.1:80`, `[::1]:80` or `unix:/path`; none if the host isn't known. */
export function resolveAddress(address: Address, platform: Platform): string[] {
  if (address.kind === 'unix') return [`unix:${address.path}`];
  const { host, port } = address;
  if (isIPv4(host)) return [`${host}:${port}`];
  if (host.startsWith('[')) return [`[${canonicalInet6(host.slice(1, -1))}]:${port}`];
  const resolved = platform.resolveHost(host);
  return resolved.map((each) => (isIPv6(each) ? `[${canonicalInet6(each)}]:${port}` : `${each}:${port}`));
}

/** RFC 5952's form of an IPv6 address: two ways to write one are one listener. */
export function canonicalInet6(address: string): string {
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}
