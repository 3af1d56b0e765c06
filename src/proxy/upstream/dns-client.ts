/** Asks name servers: over UDP, each question from a port of its own, and over TCP what doesn't fit a datagram. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import {
  type DnsRecord,
  type DnsResponse,
  decodeResponse,
  encodeQuery,
  isAlias,
  type RecordType,
} from './dns-message.ts';

/** nginx asks the next server after this long. */
const RESEND_MS = 5_000;

/** RFC 1035's response codes, and what nginx calls a lack of response. */
export const dnsError = { formatError: 1, serverFailure: 2, notFound: 3, refused: 5, timedOut: 110 } as const;

export interface Answer {
  /** 0: success. */
  readonly code: number;
  /** Of the type that was asked for, and the aliases on the way to them. */
  readonly records: readonly DnsRecord[];
}

export class DnsClient {
  readonly #servers: readonly string[];
  #turn = 0;

  /** `servers`: `address:port`. */
  constructor(servers: readonly string[]) {
    this.#servers = servers;
  }

  /**
   * What a name has of each type: an answer each. Names take the servers in turn; all questions about one go to
   * the same. `deadline`: ms since 1970, for all repetitions.
   */
  ask(name: string, types: readonly RecordType[], deadline: number): Promise<readonly Answer[]> {
    const turn = this.#turn++;
    return Promise.all(types.map((type) => this.#ask(name, type, turn, deadline)));
  }

  async #ask(name: string, type: RecordType, firstTurn: number, deadline: number): Promise<Answer> {
    let turn = firstTurn;
    for (let left = deadline - Date.now(); left > 0; left = deadline - Date.now()) {
      const server = this.#servers[turn++ % this.#servers.length] ?? '';
      const query = encodeQuery(randomInt(0x10000), name, type);
      if (!query) return { code: dnsError.formatError, records: [] };
      const patience = Math.min(left, RESEND_MS);
      let response = await askByDatagram(server, query, name, type, patience);
      if (response?.truncated) response = await askByStream(server, query, name, type, patience);
      if (response) {
        const { code, answers } = response;
        return { code, records: answers.filter((record) => record.type === type || isAlias(record)) };
      }
    }
    return { code: dnsError.timedOut, records: [] };
  }
}

/**
 * RFC 5452: an answer must come from whom we asked, to where we asked from, with our number, to our question.
 * A server that doesn't understand us has not answered: another one may, as in nginx.
 */
function isAnswer(response: DnsResponse, query: Buffer, name: string, type: RecordType): boolean {
  const { id, code } = response;
  const understood = code !== dnsError.formatError && code <= dnsError.refused;
  const ours = id === query.readUInt16BE(0) && response.type === type && response.name === name.toLowerCase();
  return understood && ours;
}

function endpoint(server: string): { host: string; port: number; inet6: boolean } {
  const colon = server.lastIndexOf(':');
  const host = server.slice(0, colon);
  return {
    host: host.replace(/^\[|\]$/g, ''),
    port: Number(server.slice(colon + 1)),
    inet6: host.startsWith('['),
  };
}

/** Undefined when nothing useful came in time. */
function askByDatagram(
  server: string,
  query: Buffer,
  name: string,
  type: RecordType,
  timeout: number,
): Promise<DnsResponse | undefined> {
  const { host, port, inet6 } = endpoint(server);
  const { promise, resolve } = Promise.withResolvers<DnsResponse | undefined>();
  const socket = createSocket(inet6 ? 'udp6' : 'udp4');
  const timer = setTimeout(end, timeout, undefined);
  socket.on('message', (message) => {
    const response = decodeResponse(message);
    if (response && isAnswer(response, query, name, type)) end(response);
  });
  // a server that isn't there may come in a moment: the timer goes on
  socket.on('error', () => undefined);
  socket.connect(port, host, (error?: Error) => {
    if (!error) socket.send(query, () => undefined);
  });
  function end(response: DnsResponse | undefined): void {
    clearTimeout(timer);
    socket.close();
    resolve(response);
  }
  return promise;
}

/** RFC 7766: the same message behind its length. Undefined when nothing useful came in time. */
function askByStream(
  server: string,
  query: Buffer,
  name: string,
  type: RecordType,
  timeout: number,
): Promise<DnsResponse | undefined> {
  const { host, port } = endpoint(server);
  const { promise, resolve } = Promise.withResolvers<DnsResponse | undefined>();
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  let received: Buffer = Buffer.alloc(0);
  const socket = connect(port, host, () => socket.write(Buffer.concat([length, query])));
  const timer = setTimeout(end, timeout, undefined);
  socket.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data]);
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
    const response = decodeResponse(received.subarray(2, 2 + received.readUInt16BE(0)));
    if (response && !response.truncated && isAnswer(response, query, name, type)) end(response);
    else socket.destroy();
  });
  // who refuses isn't asked again at once: the timer goes on
  socket.on('error', () => undefined);
  function end(response: DnsResponse | undefined): void {
    clearTimeout(timer);
    socket.destroy();
    resolve(response);
  }
  return promise;
}
