/** A worker's WebTransport sessions: what the data thread tells of them reaches their handlers. */
import type { WebTransportSession } from '@fails-components/webtransport';
import type { Log } from '../../proxy/cluster/error-log.ts';
import type { CarriedSession } from './carried-session.ts';
import { type Handler, loadHandler, type SessionHead } from './handler.ts';
import { HandlerFailures } from './handler-failures.ts';
import type { LibraryServer } from './library.ts';
import { type Message, messagesOf, NEWS, ORDER, Orders } from './messages.ts';
import { library } from './plug.ts';
import type { Http3WebTransportServer, SessionOffer } from './transport.ts';

const TOPIC = 'webtransport';
const ACCEPTED = 200;
const REFUSED = 500;

/** Sends orders: the addon. */
export interface DataThread {
  tell(topic: string, payload: Uint8Array): void;
}

interface Request {
  readonly file: string;
  session?: CarriedSession;
}

/** What the library makes of a request. */
interface Answer {
  readonly status: number;
  /** By which the library tells handlers apart: their files. */
  readonly path: string;
  readonly userData?: object;
  readonly selectedProtocol?: string;
}

export class Sessions {
  readonly #orders: Orders;
  readonly #server: LibraryServer;
  readonly #failures: HandlerFailures;
  readonly #open = new Map<number, CarriedSession>();
  readonly #handlers = new Map<string, Promise<Handler>>();
  /** By the head that the library knows them by. */
  readonly #requests = new WeakMap<object, Request>();

  static async start(thread: DataThread, log: Log): Promise<Sessions> {
    const sessions = new Sessions(thread, log);
    sessions.#server.startServer();
    await sessions.#server.ready;
    return sessions;
  }

  private constructor(thread: DataThread, log: Log) {
    this.#orders = new Orders((batch) => thread.tell(TOPIC, batch));
    this.#failures = new HandlerFailures(log);
    // What a server of the library's own would need: ours are the configuration's.
    const unused = { port: 0, host: '', secret: '', cert: '', privKey: '' };
    const settings = { ...unused, defaultDatagramsReadableMode: undefined, orders: this.#orders };
    this.#server = new library.Http3Server(settings as unknown as LibraryServer['args']);
    this.#server.setRequestCallback((head: SessionHead) => this.#answer(head));
  }

  receive(batch: Buffer): void {
    for (const message of messagesOf(batch)) {
      if (message.kind === NEWS.session) this.#offer(message);
      else this.#open.get(message.session)?.onNews(message);
      if (message.kind === NEWS.closed) this.#open.delete(message.session);
    }
    this.#orders.put(ORDER.taken, 0);
  }

  #offer(message: Message): void {
    const { file, ...offer } = readOffer(message);
    const request: Request = { file };
    this.#requests.set(offer.header, request);
    const transport: Http3WebTransportServer = this.#server.transportInt;
    request.session = transport.offer(offer);
    this.#open.set(message.session, request.session);
  }

  /** The library waits for ever for one that throws. */
  async #answer({ header }: SessionHead): Promise<Answer> {
    const request = this.#requests.get(header);
    if (!request) return { status: REFUSED, path: '' };
    const { file } = request;
    try {
      const handler = await this.#failures.run(request, () => this.#handler(file));
      const acceptance = await this.#failures.run(request, () => handler.accept?.({ header }));
      return { status: ACCEPTED, ...acceptance, path: file };
    } catch (error) {
      this.#failures.report(request, error);
      return { status: REFUSED, path: file };
    }
  }

  /** Loaded with its first session, and once. */
  #handler(file: string): Promise<Handler> {
    let handler = this.#handlers.get(file);
    if (!handler) {
      handler = loadHandler(file);
      this.#handlers.set(file, handler);
      handler.then(
        (loaded) => void this.#serve(file, loaded),
        () => this.#handlers.delete(file),
      );
    }
    return handler;
  }

  async #serve(file: string, handler: Handler): Promise<void> {
    for await (const session of this.#server.sessionStream(file)) void this.#run(session, handler);
  }

  async #run(session: WebTransportSession, handler: Handler): Promise<void> {
    const request = 'header' in session && this.#requests.get(session.header as object);
    if (!request) return;
    try {
      await this.#failures.run(request, () => handler.handle(session));
    } catch (error) {
      this.#failures.report(request, error);
    }
  }
}

/** As native/modules/webtransport_session.cc writes it. */
function readOffer({ session, payload }: Message): SessionOffer & { readonly file: string } {
  const [file = '', peerAddress = '', ...fields] = payload.toString('latin1', 16).split('\0');
  const header: Record<string, string> = {};
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [name = '', value = ''] = fields.slice(i, i + 2);
    const before = header[name];
    header[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return {
    // A file's name is bytes; most are UTF-8.
    file: Buffer.from(file, 'latin1').toString(),
    number: session,
    room: payload.readUInt32LE(0),
    maxDatagramSize: payload.readUInt32LE(4),
    datagramQueue: payload.readUInt32LE(8),
    reliable: payload.readUInt32LE(12) !== 0,
    peerAddress,
    header,
  };
}
