/**
 * What @fails-components/webtransport expects of an HTTP/3 transport that is plugged into it: ours, which carries
 * sessions over HTTP/2, too. Sockets, certificates and paths are the configuration's, so nothing is opened or closed here.
 */
import { CarriedSession, type SessionStart } from './carried-session.ts';
import type { LibraryServer, SessionRequest } from './library.ts';
import type { Orders } from './messages.ts';

/** A request for a session, as the data thread tells it. */
export interface SessionOffer extends SessionStart {
  readonly peerAddress: string;
  readonly header: Readonly<Record<string, string>>;
}

/** What the request callback has made of it, along with what the library was told. */
interface Decision {
  readonly status: number;
  readonly path: string;
  readonly session: CarriedSession;
  readonly header: object;
  readonly peerAddress: string;
  readonly userData?: object;
  readonly selectedProtocol?: string;
}

export function checkQuicheInit(): void {}

export class Http3WebTransportServer {
  /** Set by the library. */
  jsobj!: LibraryServer;
  readonly #orders: Orders;

  constructor({ orders }: { readonly orders: Orders }) {
    this.#orders = orders;
  }

  startServer(): void {
    this.jsobj.onServerListening({ host: undefined, port: undefined });
  }

  setJSRequestHandler(): void {}

  addPath(): void {}

  /** The session may be refused yet. */
  offer({ peerAddress, header, ...start }: SessionOffer): CarriedSession {
    const session = new CarriedSession(start, this.#orders);
    const protocol = start.reliable ? 'http2' : 'http3';
    const request: SessionRequest = { header, session, peerAddress, promise: true, protocol };
    this.jsobj.onSessionRequest(request);
    return session;
  }

  finishSessionRequest(decision: Decision): void {
    const { session, status, path, header, peerAddress, userData, selectedProtocol = '' } = decision;
    if (session.closed) return;
    if (status !== 200) {
      session.refuse(status);
      return;
    }
    session.accept(selectedProtocol);
    this.jsobj.onHttpWTSessionVisitor({ session, path, header, peerAddress, userData });
    session.jsobj.reliable = session.reliable;
    session.jsobj.onReady({ object: session, protocol: selectedProtocol });
  }
}

export class Http3WebTransportServerSocket {
  init(): void {}

  stopServer(): void {}
}

/** Handlers are servers. */
export class Http3WebTransportClient {
  constructor() {
    throw new Error('WebTransport over HTTP/3 is carried for servers only');
  }
}

export class Http3WebTransportClientSocket {
  constructor() {
    throw new Error('WebTransport over HTTP/3 is carried for servers only');
  }
}
