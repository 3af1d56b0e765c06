/** A QUIC client that sends what it is told to, be it allowed or not. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Cleanup } from '../../support/sluice.ts';
import { ClientTls, type TransportParameters } from './client-tls.ts';
import { ackFrame, cryptoFrame, type Frame, FrameType, frame, isStream, parseFrames } from './frames.ts';
import { Keys } from './protection.ts';
import { Reader, varint } from './varint.ts';

const VERSION = 1;
const LEAST_INITIAL = 1200;
const WAIT_MS = 5000;
const Level = { initial: 0, handshake: 2, application: 3 } as const;
type LevelNumber = (typeof Level)[keyof typeof Level];

export interface RawOptions {
  readonly host?: string;
  /** The client's own address and port. */
  readonly from?: string;
  readonly fromPort?: number;
  readonly protocol?: string;
  /** Beside those that make an ordinary client. */
  readonly parameters?: TransportParameters;
  readonly token?: Buffer;
  /** Cuts the ClientHello into so many bytes for each CRYPTO frame, the last one first. */
  readonly helloPieces?: number;
}

/** How the server has ended a connection. */
export interface Close {
  readonly by: 'transport' | 'application';
  readonly code: number;
}

interface Space {
  readonly received: Set<number>;
  next: number;
  /** Of the server's packets, the number that would come next. */
  expected: number;
  /** CRYPTO data, by offset. */
  readonly pieces: Map<number, Buffer>;
  taken: number;
  keys?: { client: Keys; server: Keys };
}

export class RawClient {
  /** Of 1-RTT packets, as they come. */
  readonly frames: Frame[] = [];
  /** Packets with a short header that no key opens: one may be a reset. */
  readonly unopened: Buffer[] = [];
  /** Of all datagrams. */
  bytesReceived = 0;
  /** Addresses that datagrams came from. */
  readonly answeredBy = new Set<string>();
  bytesSent = 0;
  /** What Retry packets have said: to which connection ID to send what. */
  readonly retries: { readonly id: Buffer; readonly token: Buffer }[] = [];
  /** Off: nothing is acknowledged, and a Retry packet is not followed. */
  acknowledges = true;
  close: Close | undefined;
  readonly source: Buffer = randomBytes(8);
  destination: Buffer = randomBytes(18);

  readonly #socket: Socket;
  readonly #port: number;
  readonly #options: RawOptions;
  readonly #spaces: Space[] = Array.from({ length: 4 }, () => ({
    received: new Set(),
    next: 0,
    expected: 0,
    pieces: new Map(),
    taken: 0,
  }));
  #tls: ClientTls;
  #token: Buffer;
  #original = true;
  #phase = 0;
  #wake: () => void = () => undefined;

  get port(): number {
    return this.#socket.address().port;
  }

  private constructor(port: number, socket: Socket, options: RawOptions) {
    this.#port = port;
    this.#socket = socket;
    this.#options = options;
    this.#token = options.token ?? Buffer.alloc(0);
    const parameters = new Map<number, number | Uint8Array>([
      [0x01, 30_000],
      [0x04, 1 << 20],
      [0x05, 1 << 18],
      [0x06, 1 << 18],
      [0x07, 1 << 18],
      [0x08, 100],
      [0x09, 100],
      [0x0f, this.source],
      ...(options.parameters ?? []),
    ]);
    this.#tls = new ClientTls('localhost', options.protocol ?? 'h3', parameters);
    socket.on('message', (datagram, { address }) => {
      this.answeredBy.add(address);
      this.#onDatagram(datagram);
    });
  }

  /** Has sent nothing yet. */
  static async open(t: Cleanup, port: number, options: RawOptions = {}): Promise<RawClient> {
    const { host = '127.0.0.1', from = host, fromPort = 0 } = options;
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    socket.bind(fromPort, from);
    await once(socket, 'listening');
    t.teardown(() => void socket.close());
    return new RawClient(port, socket, options);
  }

  /** The handshake is complete, and confirmed. */
  static async connect(t: Cleanup, port: number, options: RawOptions = {}): Promise<RawClient> {
    const client = await RawClient.open(t, port, options);
    client.start();
    await client.until('the handshake', () => client.has(FrameType.handshakeDone));
    return client;
  }

  /** Keys for Initial packets; nothing is sent. */
  open(): void {
    this.#space(Level.initial).keys = Keys.initial(this.destination);
  }

  /** Begins another connection from the same address; answers are not read, but counted. */
  restart(): void {
    this.destination = randomBytes(18);
    this.start();
  }

  /** Sends the ClientHello. */
  start(): void {
    this.open();
    const { hello } = this.#tls;
    const size = this.#options.helloPieces ?? hello.length;
    const pieces: Buffer[] = [];
    for (let at = 0; at < hello.length; at += size)
      pieces.unshift(cryptoFrame(hello.subarray(at, at + size), at));
    let payload = Buffer.alloc(0);
    for (const piece of pieces) {
      if (payload.length + piece.length > LEAST_INITIAL - 100) {
        this.sendAt(Level.initial, payload);
        payload = Buffer.alloc(0);
      }
      payload = Buffer.concat([payload, piece]);
    }
    this.sendAt(Level.initial, payload);
  }

  /** 1-RTT packets with these frames, as many as they take. */
  send(...frames: readonly Buffer[]): void {
    let payload = Buffer.alloc(0);
    for (const each of frames) {
      if (payload.length > 0 && payload.length + each.length > 1100) {
        this.sendAt(Level.application, payload);
        payload = Buffer.alloc(0);
      }
      payload = Buffer.concat([payload, each]);
    }
    this.sendAt(Level.application, payload);
  }

  sendAt(level: LevelNumber, payload: Buffer): void {
    this.#send(this.seal(level, payload));
  }

  /** A datagram, ready to be sent from wherever. */
  seal(level: LevelNumber, payload: Buffer): Buffer {
    const space = this.#space(level);
    if (!space.keys) throw new Error('no keys');
    const number = space.next++;
    const numberBytes = Buffer.alloc(4);
    numberBytes.writeUInt32BE(number);
    let header: Buffer;
    let padded = payload;
    if (level === Level.application) {
      header = Buffer.concat([Buffer.from([0x43 | (this.#phase << 2)]), this.destination, numberBytes]);
    } else {
      const version = Buffer.alloc(4);
      version.writeUInt32BE(VERSION);
      const token = level === Level.initial ? [varint(this.#token.length), this.#token] : [];
      if (level === Level.initial && payload.length < LEAST_INITIAL)
        padded = Buffer.concat([payload, Buffer.alloc(LEAST_INITIAL - payload.length)]);
      header = Buffer.concat([
        Buffer.from([0xc3 | (level << 4)]),
        version,
        Buffer.from([this.destination.length]),
        this.destination,
        Buffer.from([this.source.length]),
        this.source,
        ...token,
        varint(padded.length + 4 + 16),
        numberBytes,
      ]);
    }
    return space.keys.client.seal(header, number, padded);
  }

  sendRaw(datagram: Buffer): void {
    this.#send(datagram);
  }

  /** From now on packets are sealed with the next keys; those that come must be, too. */
  updateKeys(): void {
    const space = this.#space(Level.application);
    if (!space.keys) throw new Error('no keys');
    space.keys = { client: space.keys.client.updated(), server: space.keys.server.updated() };
    this.#phase ^= 1;
  }

  has(type: number): boolean {
    return this.of(type).length > 0;
  }

  of(type: number): Frame[] {
    return this.frames.filter((each) => (type === FrameType.stream ? isStream(each) : each.type === type));
  }

  /** What has come on a stream so far, from its beginning and without gaps. */
  received(stream: number): { bytes: Buffer; ended: boolean } {
    const parts = this.of(FrameType.stream)
      .filter(({ numbers: [id] }) => id === stream)
      .sort((a, b) => (a.numbers[1] ?? 0) - (b.numbers[1] ?? 0));
    let bytes = Buffer.alloc(0);
    let ended = false;
    for (const { numbers, bytes: part } of parts) {
      const offset = numbers[1] ?? 0;
      if (offset > bytes.length) break;
      const fresh = part.subarray(bytes.length - offset);
      if (offset + part.length > bytes.length) bytes = Buffer.concat([bytes, fresh]);
      if (numbers[2] === 1 && offset + part.length <= bytes.length) ended = true;
    }
    return { bytes, ended };
  }

  async until(what: string, met: () => boolean, limit = WAIT_MS): Promise<void> {
    const end = Date.now() + limit;
    while (!met()) {
      const left = end - Date.now();
      if (left <= 0)
        throw new Error(`waited in vain for ${what}${this.close ? `: ${JSON.stringify(this.close)}` : ''}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = (): void => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** How the server ends the connection. */
  async closed(): Promise<Close> {
    await this.until('the end', () => this.close !== undefined);
    if (!this.close) throw new Error('unreachable');
    return this.close;
  }

  #send(datagram: Buffer): void {
    this.bytesSent += datagram.length;
    this.#socket.send(datagram, this.#port, this.#options.host ?? '127.0.0.1');
  }

  #space(level: number): Space {
    const space = this.#spaces[level];
    if (!space) throw new RangeError(`level ${level}`);
    return space;
  }

  #onDatagram(datagram: Buffer): void {
    this.bytesReceived += datagram.length;
    let rest = datagram;
    while (rest.length > 0) rest = this.#onPacket(rest);
    this.#wake();
  }

  /** Takes the first packet; what is left of the datagram. */
  #onPacket(datagram: Buffer): Buffer {
    const nothing: Buffer = Buffer.alloc(0);
    const first = datagram.readUInt8(0);
    if (!(first & 0x80)) {
      this.#open(Level.application, datagram, 1 + this.source.length);
      return nothing;
    }
    const type = (first >> 4) & 3;
    const reader = new Reader(datagram);
    reader.bytes(5);
    reader.bytes(reader.byte());
    const id = reader.bytes(reader.byte());
    if (type === 3) {
      const rest = reader.bytes();
      this.#onRetry(id, rest.subarray(0, rest.length - 16));
      return nothing;
    }
    if (type === Level.initial) reader.bytes(reader.varint());
    const length = reader.varint();
    const offset = datagram.length - reader.left;
    if (this.#original) {
      this.#original = false;
      this.destination = id;
    }
    const level = type === Level.initial ? Level.initial : Level.handshake;
    this.#open(level, datagram.subarray(0, offset + length), offset);
    return datagram.subarray(offset + length);
  }

  #onRetry(id: Buffer, token: Buffer): void {
    this.retries.push({ id, token });
    if (this.retries.length === 1 && this.acknowledges) this.follow();
  }

  /** Does what a Retry packet has asked for. */
  follow(): void {
    const [retry] = this.retries;
    if (!retry) throw new Error('no Retry packet');
    this.#token = retry.token;
    this.destination = retry.id;
    this.#space(Level.initial).keys = Keys.initial(retry.id);
    this.sendAt(Level.initial, cryptoFrame(this.#tls.hello));
  }

  /** The server has answered with more than a Retry packet. */
  get handshaking(): boolean {
    return this.#space(Level.handshake).keys !== undefined;
  }

  #open(level: LevelNumber, packet: Buffer, offset: number): void {
    const space = this.#space(level);
    const opened = space.keys?.server.open(packet, offset, space.expected);
    if (!opened && level === Level.application) this.unopened.push(packet);
    if (!opened || space.received.has(opened.number)) return;
    space.received.add(opened.number);
    space.expected = Math.max(space.expected, opened.number + 1);
    const frames = parseFrames(opened.payload);
    for (const each of frames) {
      if (each.type === FrameType.crypto) this.#onCrypto(level, each);
      else if (each.type === FrameType.connectionClose || each.type === FrameType.applicationClose)
        this.close ??= {
          by: each.type === FrameType.connectionClose ? 'transport' : 'application',
          code: each.numbers[0] ?? 0,
        };
      else if (level === Level.application) this.frames.push(each);
    }
    const asks = frames.some(({ type }) => type > FrameType.ack + 1 && type !== FrameType.connectionClose);
    if (asks && this.acknowledges && !this.close) this.sendAt(level, ackFrame(space.received));
  }

  #onCrypto(level: LevelNumber, { numbers: [offset = 0], bytes }: Frame): void {
    const space = this.#space(level);
    space.pieces.set(offset, bytes);
    for (let piece = space.pieces.get(space.taken); piece?.length; piece = space.pieces.get(space.taken)) {
      space.taken += piece.length;
      if (level === Level.initial) this.#onServerHello(piece);
      else if (level === Level.handshake) this.#onHandshake(piece);
    }
  }

  #onServerHello(bytes: Buffer): void {
    const secrets = this.#tls.onServerHello(bytes);
    if (secrets)
      this.#space(Level.handshake).keys = {
        client: new Keys(secrets.client),
        server: new Keys(secrets.server),
      };
  }

  #onHandshake(bytes: Buffer): void {
    this.#tls.onHandshakeData(bytes);
    const { application, finished } = this.#tls;
    const space = this.#space(Level.application);
    if (!application || !finished || space.keys) return;
    space.keys = { client: new Keys(application.client), server: new Keys(application.server) };
    this.sendAt(
      Level.handshake,
      Buffer.concat([ackFrame(this.#space(Level.handshake).received), cryptoFrame(finished)]),
    );
  }

  /** As it should end. */
  leave(): void {
    this.send(frame(FrameType.connectionClose, 0, 0, 0));
  }
}
