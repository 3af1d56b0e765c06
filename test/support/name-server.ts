/** A DNS server on 127.0.0.1 whose every answer the test decides. */
import { createSocket, type Socket } from 'node:dgram';
import type { Cleanup } from './sluice.ts';

export interface NameQuestion {
  readonly name: string;
  /** 1: A, 28: AAAA. */
  readonly type: number;
  /** The message as it came. */
  readonly message: Buffer;
  /** From 1. */
  readonly number: number;
}

export interface NameAnswer {
  /** RFC 1035's RCODE. */
  readonly code?: number;
  readonly addresses?: readonly string[];
  /** Seconds. */
  readonly ttl?: number;
}

const HEADER = 12;
const QUESTION_END = 4;

/** What answers a question: IPv4 addresses, or an error (RFC 1035 section 4.1). */
export function nameResponse(
  { message }: NameQuestion,
  { code = 0, addresses = [], ttl = 60 }: NameAnswer,
): Buffer {
  const response = Buffer.from(message);
  response.writeUInt16BE(0x8180 | code, 2);
  response.writeUInt16BE(addresses.length, 6);
  const records = addresses.map((address) => {
    const record = Buffer.from([
      0xc0,
      HEADER,
      0,
      1,
      0,
      1,
      0,
      0,
      0,
      0,
      0,
      4,
      ...address.split('.').map(Number),
    ]);
    record.writeUInt32BE(ttl, 6);
    return record;
  });
  return Buffer.concat([response, ...records]);
}

export interface NameServer {
  readonly port: number;
  readonly questions: readonly NameQuestion[];
  /** For `resolver`. */
  readonly address: string;
}

/** `answer` gives what is to be answered, the bytes themselves, or nothing. */
export async function startNameServer(
  t: Cleanup,
  answer: (question: NameQuestion) => NameAnswer | Buffer | undefined,
): Promise<NameServer> {
  const socket: Socket = createSocket('udp4');
  const questions: NameQuestion[] = [];
  socket.on('message', (message, { address, port }) => {
    const labels: string[] = [];
    let at = HEADER;
    for (let length = message.readUInt8(at); length > 0; length = message.readUInt8(at)) {
      labels.push(message.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = message.readUInt16BE(at + 1);
    const asked = message.subarray(0, at + 1 + QUESTION_END);
    const question = { name: labels.join('.'), type, message: asked, number: questions.length + 1 };
    questions.push(question);
    const what = answer(question);
    if (what) socket.send(Buffer.isBuffer(what) ? what : nameResponse(question, what), port, address);
  });
  t.teardown(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  return { port, questions, address: `127.0.0.1:${port}` };
}
