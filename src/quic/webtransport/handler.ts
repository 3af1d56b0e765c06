/** What `webtransport_handler` names: a module that serves sessions. */
import { pathToFileURL } from 'node:url';
import type { WebTransportSession } from '@fails-components/webtransport';

export interface SessionHead {
  /** Fields and pseudo-header fields of the request, by their names in lower case: `:path`, `origin`, … */
  readonly header: Readonly<Record<string, string>>;
}

export interface Acceptance {
  /** 200, unless the session is refused. */
  readonly status?: number;
  /** One of those that `wt-available-protocols` offers. */
  readonly selectedProtocol?: string;
  /** Becomes `session.userData`. */
  readonly userData?: object;
}

export interface Handler {
  /** Whether a session is wanted; all are where there is no such function. */
  accept?(head: SessionHead): Acceptance | undefined | Promise<Acceptance | undefined>;
  /** Serves a session, which goes on until one side closes it, or this throws. */
  handle(session: WebTransportSession): unknown;
}

/** Throws what is wrong with the file. */
export async function loadHandler(file: string): Promise<Handler> {
  const loaded: unknown = await import(pathToFileURL(file).href);
  if (!isHandler(loaded)) throw new TypeError('it exports no function "handle"');
  return loaded;
}

function isHandler(loaded: unknown): loaded is Handler {
  return (
    typeof loaded === 'object' && loaded !== null && 'handle' in loaded && typeof loaded.handle === 'function'
  );
}
