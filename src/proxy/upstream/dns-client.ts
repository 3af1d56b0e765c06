/** Asks name servers: over UDP, each question from a port of its own, and over TCP what doesn't fit a datagram. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { type DnsResponse, decodeResponse, encodeQuery, type RecordType } from './dns-message.ts';

/** nginx asks the next server after this long. */
const RESEND_MS = 5_000;

/** RFC 1035's response codes, and what nginx calls a lack of response. */
export const dnsError = { formatError: 1, serverFailure: 2, notFound: 3, refused: 5, timedOut: 110 } as const;

export interface Answer {
  /** 0: success. */
  readonly code: number;
  readonly response?: DnsResponse;
}

export class DnsClient {
  readonly #servers: readonly string[];
  readonly #timeout: number;
  #last = 0;

  /** `servers`: `address:port`. `timeout`: ms, for a whole question with all its repetitions. */
  constructor(servers: readonly string[], timeout: number) {
    this.#servers = servers;
    this.#timeout = timeout;
  }

  async ask(name: string, type: RecordType): Promise<Answer> {
    const deadline = Date.now() + this.#timeout;
    for (let left = this.#timeout; left > 0; left = deadline - Date.now()) {
      const server = this.#servers[this.#last++ % this.#servers.length] ?? '';
      const query = encodeQuery(randomInt(0x10000), name, type);
      if (!query) return { code: dnsError.formatError };
      let response = await askByDatagram(server, query, name, type, Math.min(left, RESEND_MS));
      if (response?.truncated)
        response = await askByStream(server, query, name, type, Math.min(left, RESEND_MS));
      if (response) return { code: response.code, response };
    }
    return { code: dnsError.timedOut };
  }
}

/** RFC 5452: an answer must come from whom we asked, to where we asked from, with our number, to our question. */
function isAnswer(response: DnsResponse | undefined, query: Buffer, name: string, type: RecordType): boolean {
  return (
    response?.id === query.readUInt16BE(0) && response.type === type && response.name === name.toLowerCase()
  );
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
    if (isAnswer(response, query, name, type)) end(response);
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

/** RFC 7766: the same message behind its length. */
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
  socket.setTimeout(timeout, () => socket.destroy());
  socket.on('data', (data: Buffer) => {
    received = Buffer.concat([received, data]);
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
    const response = decodeResponse(received.subarray(2, 2 + received.readUInt16BE(0)));
    resolve(isAnswer(response, query, name, type) ? response : undefined);
    socket.destroy();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => resolve(undefined));
  return promise;
}
