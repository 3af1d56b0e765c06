/** Hosts that share a session store: a Sluice each, with the same certificate. */
import { randomBytes } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Cleanup, SluiceOptions } from '../support/sluice.ts';
import { makeIdentity } from './certificates.ts';
import { readToEnd, type Secure, startSecure } from './secure.ts';

export type Version = 'TLSv1.2' | 'TLSv1.3';
export const VERSIONS: readonly Version[] = ['TLSv1.2', 'TLSv1.3'];

export const KEY = randomBytes(32).toString('hex');
const SERVER = 'server { LISTEN; return 200 "$ssl_session_reused$ssl_early_data"; }';
/** Sessions that only a store of sessions brings back. */
export const STATEFUL = 'ssl_session_tickets off;';
/** Enough for a machine that is busy with other tests. */
export const PATIENT = 'timeout=5s';

const identity = makeIdentity('default');

/** `address` may be `off`. `directives`: of the http block, where STORE becomes `ssl_session_store ADDRESS` with its key. */
export async function startHost(
  t: Cleanup,
  address: string,
  directives: string,
  { more = PATIENT, files: others = {}, ...options }: HostOptions = {},
): Promise<Host> {
  const store = address === 'off' ? '' : `ssl_session_store ${address} key_file=seal ${more};`;
  const statusPort = await freePort();
  // a connection of its own kind, which leaves no session
  const shown = `server { listen 127.0.0.1:${statusPort}; sluice_status; }`;
  const files = {
    seal: KEY,
    certificate: identity.certificate,
    key: identity.key,
    ...others,
  };
  const secure = await startSecure(t, `${store} ${directives} ${SERVER} ${shown}`, files, options);
  return { ...secure, statusPort };
}

export interface HostOptions extends Partial<SluiceOptions> {
  /** Further words of the directive. */
  readonly more?: string;
}

export interface Host extends Secure {
  readonly statusPort: number;
}

export interface Visit {
  readonly resumed: boolean;
  readonly session: Buffer;
}

/** One request on a connection of its own, and the session that the next one may use. */
export async function visit(
  { connect }: Secure,
  maxVersion: Version,
  session?: Buffer,
  watch?: (socket: TLSSocket) => void,
): Promise<Visit> {
  const socket = await connect({ maxVersion, servername: 'localhost', ...(session && { session }) });
  watch?.(socket);
  let fresh: Buffer | undefined = socket.getSession();
  socket.on('session', (next: Buffer) => {
    fresh = next;
  });
  socket.write('GET / HTTP/1.0\r\n\r\n');
  const resumed = /\r\n\r\nr$/.test(await readToEnd(socket));
  if (!fresh) throw new Error('no session');
  return { resumed, session: fresh };
}

export type Status = Record<string, Record<string, number>>;

export async function status({ statusPort }: Host): Promise<Status> {
  const answer = await fetch(`http://127.0.0.1:${statusPort}/`);
  return JSON.parse(await answer.text());
}

export async function sessions(host: Host): Promise<Record<string, number>> {
  return (await status(host)).sessions ?? {};
}

/** Until the store is in that state, for whom it tells one worker. */
export function storeIs(host: Host, state: 'up' | 'full' | 'down'): Promise<unknown> {
  // the breaker has waited a few times by then
  return eventually(state, async () => (await sessions(host))[`stores_${state}`] === 1, 20_000);
}

/** Until so many sessions have been written. */
export function written(host: Host, count: number): Promise<unknown> {
  return eventually(`${count} sessions`, async () => ((await sessions(host)).remote_kept ?? 0) >= count);
}
