/** A DNS server on 127.0.0.1 whose every answer the test decides. */
import { createSocket, type Socket } from 'node:dgram';
import { createServer } from 'node:net';
import type { Cleanup } from './sluice.ts';

export interface NameQuestion {
  readonly name: string;
  /** 1: A, 28: AAAA, 33: SRV. */
  readonly type: number;
  /** The message as it came. */
  readonly message: Buffer;
  /** From 1. */
  readonly number: number;
}

export interface NameAnswer {
  /** RFC 1035's RCODE. */
  readonly code?: number;
  /** Of either family; those that the question isn't about are left out. */
  readonly addresses?: readonly string[];
  /** Seconds. */
  readonly ttl?: number;
  /** A CNAME record in front of the addresses. */
  readonly alias?: string;
  /** Of the CNAME record. */
  readonly aliasTtl?: number;
  /** For SRV questions: `PRIORITY WEIGHT PORT TARGET`. */
  readonly services?: readonly string[];
  /** "Ask over TCP"; without records then. */
  readonly truncated?: boolean;
}

const HEADER = 12;
const QUESTION_END = 4;
const A = 1;
const CNAME = 5;
const AAAA = 28;
const SRV = 33;

/** What answers a question: addresses, an alias, or an error (RFC 1035 section 4.1). */
export function nameResponse({ message, type }: NameQuestion, answer: NameAnswer): Buffer {
  const {
    code = 0,
    addresses = [],
    services = [],
    ttl = 60,
    alias,
    aliasTtl = ttl,
    truncated = false,
  } = answer;
  const wanted = addresses.filter((address) => type === (address.includes(':') ? AAAA : A));
  const data = type === SRV ? services.map(serviceBytes) : wanted.map(ipBytes);
  const records = data.map((each) => record(type, ttl, each));
  if (alias !== undefined) records.unshift(record(CNAME, aliasTtl, encodedName(alias)));
  if (truncated) records.length = 0;
  const response = Buffer.from(message);
  response.writeUInt16BE(0x8180 | (truncated ? 0x0200 : 0) | code, 2);
  response.writeUInt16BE(records.length, 6);
  return Buffer.concat([response, ...records]);
}

/** Of the name that was asked for. */
function record(type: number, ttl: number, data: Buffer): Buffer {
  const head = Buffer.from([0xc0, HEADER, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
  head.writeUInt32BE(ttl, 6);
  return Buffer.concat([head, data]);
}

function encodedName(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`));
  return Buffer.concat([...labels, Buffer.alloc(1)]);
}

function serviceBytes(service: string): Buffer {
  const [priority, weight, port, target = ''] = service.split(' ');
  const numbers = Buffer.alloc(6);
  for (const [at, number] of [priority, weight, port].entries())
    numbers.writeUInt16BE(Number(number), 2 * at);
  return Buffer.concat([numbers, encodedName(target)]);
}

/** IPv6 may have one `::`. */
function ipBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [front = [], back = []] = address.split('::').map((half) => half.split(':').filter(Boolean));
  const groups = [...front, ...Array<string>(8 - front.length - back.length).fill('0'), ...back];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

export interface NameServer {
  readonly port: number;
  readonly questions: readonly NameQuestion[];
  /** For `resolver`. */
  readonly address: string;
}

/** `answer` gives what is to be answered, the bytes themselves, or nothing; `byStream` the same over TCP. */
export async function startNameServer(
  t: Cleanup,
  answer: (question: NameQuestion) => NameAnswer | Buffer | undefined,
  byStream?: typeof answer,
): Promise<NameServer> {
  const questions: NameQuestion[] = [];
  const respond = (message: Buffer, how: typeof answer): Buffer | undefined => {
    const question = { ...readQuestion(message), number: questions.length + 1 };
    questions.push(question);
    const what = how(question);
    return what && !Buffer.isBuffer(what) ? nameResponse(question, what) : what;
  };
  const port = byStream ? await listenByStream(t, (message) => respond(message, byStream)) : 0;
  const socket: Socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const response = respond(message, answer);
    if (response) socket.send(response, from.port, from.address);
  });
  t.teardown(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', resolve);
  });
  const bound = socket.address().port;
  return { port: bound, questions, address: `127.0.0.1:${bound}` };
}

function readQuestion(message: Buffer): Omit<NameQuestion, 'number'> {
  const labels: string[] = [];
  let at = HEADER;
  for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = message.readUInt16BE(at + 1);
  return { name: labels.join('.'), type, message: message.subarray(0, at + 1 + QUESTION_END) };
}

/** RFC 7766: messages behind their lengths; one a connection will do here. Resolves to the port. */
async function listenByStream(t: Cleanup, respond: (message: Buffer) => Buffer | undefined): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data) => {
      const response = respond(Buffer.from(data).subarray(2));
      if (!response) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(response.length);
      socket.end(Buffer.concat([length, response]));
    });
  });
  t.teardown(() => new Promise<void>((resolve) => server.close(() => resolve())));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}
