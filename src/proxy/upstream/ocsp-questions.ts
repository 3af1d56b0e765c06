/** Fetches OCSP responses (RFC 6960 appendix A) for data threads; the other side is native/proxy/ocsp_questions.cc. */
import { connect, isIP, type Socket } from 'node:net';
import { compose, type Duplex } from 'node:stream';
import type { Log } from '../cluster/error-log.ts';
import type { ResolverText } from '../plan/upstream.ts';
import { HeadLineEnds } from './head-line-ends.ts';
import type { Replies } from './questions.ts';
import { resolveErrorText, resolverFor } from './resolver.ts';

const TIMEOUT_MS = 60_000;
const LARGEST_RESPONSE = 64 * 1024;
const RESPONSE_TYPE = 'application/ocsp-response';

/** What is wrong with a responder or its response, in nginx's words. */
class OcspError extends Error {}

export class OcspQuestions {
  readonly #replies: Pick<Replies, 'answer'>;
  readonly #log: Log;

  constructor(replies: Pick<Replies, 'answer'>, log: Log) {
    this.#replies = replies;
    this.#log = log;
  }

  /** Lines: the request in base64, the certificate's name for logs, resolver, addresses, URL. */
  async ask(id: number, payload: Buffer): Promise<void> {
    const lines = payload.toString('latin1').split('\n');
    const [request = '', name = '', resolver = '', known = ''] = lines;
    const url = lines.slice(4).join(' ');
    const warn = (level: 'error' | 'warn', reason: string, peer = ''): void => {
      const about = `responder: ${peer || url}, certificate: "${name}"`;
      this.#log.write(level, `${reason} while requesting certificate status, ${about}`);
    };
    let response: Uint8Array = new Uint8Array();
    try {
      const target = targetOf(url, request);
      const addresses = await addressesOf(target, resolver, known, (reason) => warn('warn', reason));
      for (const address of addresses) {
        try {
          response = await fetchFrom(address, target);
          break;
        } catch (error) {
          warn('error', error instanceof Error ? error.message : String(error), address);
        }
      }
    } catch (error) {
      if (!(error instanceof OcspError)) throw error;
      warn('error', error.message);
    }
    this.#replies.answer(id, response);
  }
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

function targetOf(url: string, request: string): Target {
  const parsed = /^http:\/\//i.test(url) ? URL.parse(url) : null;
  if (!parsed?.hostname) throw new OcspError(`invalid URL prefix in OCSP responder "${url}" in certificate`);
  const folder = parsed.pathname.replace(/\/$/, '');
  return {
    host: parsed.hostname,
    port: Number(parsed.port || 80),
    path: `${folder}/${encodeURIComponent(request)}`,
  };
}

/** `a:p` each, as nginx chooses them: by the resolver, for want of one those of when the configuration was read. */
async function addressesOf(
  { host, port }: Target,
  resolver: ResolverText,
  known: string,
  warn: (reason: string) => void,
): Promise<readonly string[]> {
  if (isIP(host.replace(/^\[|\]$/g, ''))) return [`${host}:${port}`];
  if (resolver !== '') {
    const { code, addresses } = await resolverFor(resolver).lookUp(host);
    if (code !== 0) throw new OcspError(`${host} could not be resolved (${resolveErrorText(code)})`);
    return addresses.map((address) => `${address}:${port}`);
  }
  const missing = `no resolver defined to resolve ${host}`;
  if (known === '') throw new OcspError(missing);
  warn(missing);
  return known.split(' ');
}

async function fetchFrom(address: string, { host, port, path }: Target): Promise<Uint8Array> {
  // Most workers never ask, and pay no memory for it.
  const { Client } = await import('undici');
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const client = new Client(`http://${address}`, {
    connect: ({ hostname }, done) => {
      const socket = connect({
        host: hostname.replace(/^\[|\]$/g, ''),
        port: Number(portOf(address)),
        signal,
      });
      socket.once('error', (error) => done(error, null));
      socket.once('connect', () => {
        socket.removeAllListeners('error');
        done(null, toleratingLineFeeds(socket));
      });
    },
  });
  try {
    const { statusCode, headers, body } = await client.request({
      method: 'GET',
      path,
      headers: { Host: port === 80 ? host : `${host}:${port}` },
      reset: true,
      signal,
    });
    const type = headers['content-type'];
    if (statusCode !== 200) throw new OcspError(`OCSP responder sent status ${statusCode}`);
    if (type !== undefined && String(type).toLowerCase() !== RESPONSE_TYPE) {
      throw new OcspError(`OCSP responder sent invalid "Content-Type" header: "${type}"`);
    }
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of body) {
      pieces.push(piece);
      size += piece.length;
      if (size > LARGEST_RESPONSE) throw new OcspError('OCSP responder sent too long response');
    }
    return Buffer.concat(pieces);
  } finally {
    void client.destroy();
  }
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}

/** nginx takes bare line feeds in heads, and responders send them; undici does not. What comes is signed in any case. */
function toleratingLineFeeds(socket: Socket): Socket {
  // What the client asks of a socket is what any stream has.
  return compose(socket, new HeadLineEnds()) as Duplex as Socket;
}
