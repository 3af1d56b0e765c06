/** The types that @fails-components/webtransport and a transport plugged into it know each other by. */
import type { Http3Server } from '@fails-components/webtransport';

export type LibraryServer = InstanceType<typeof Http3Server>;
export type SessionRequest = Parameters<LibraryServer['onSessionRequest']>[0];
type Visit = Parameters<LibraryServer['onHttpWTSessionVisitor']>[0];

/** What the library calls, and what it sets to be called itself. */
export type NativeSession = Visit['session'];
export type SessionEvents = NativeSession['jsobj'];
export type NativeStream = Parameters<SessionEvents['onStream']>[0]['stream'];
export type StreamEvents = NativeStream['jsobj'];

/** Of the library's session, what its declared interface lacks. */
export type LibrarySession = SessionEvents & {
  reliable: boolean;
  state: 'connecting' | 'connected' | 'draining' | 'closed' | 'failed';
  readonly closedResolve: (info: { closeCode: number; reason: string }) => void;
  readonly resolveSessionStats: unknown[];
  readonly rejectSessionStats: ((error: Error) => void)[];
  readonly resolveDatagramStats: unknown[];
  readonly rejectDatagramStats: ((error: Error) => void)[];
  readonly incomDatagramController_?: { readonly desiredSize: number | null };
};

/** Of the library's stream, the same. */
export type LibraryStream = StreamEvents & {
  readonly readableController?: { readonly desiredSize: number | null };
  getReadBuffer(wanted: { byteSize: number }): {
    buffer?: Uint8Array;
    byob?: { respond(bytes: number): void };
  };
  commitReadBuffer(read: {
    buffer?: Uint8Array;
    byob?: { respond(bytes: number): void };
    readBytes?: number;
    drained?: boolean;
    fin: boolean;
  }): { stopReading?: boolean };
};
