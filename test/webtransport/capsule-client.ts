/** A WebTransport client over HTTP/2 that says what a test wants, and keeps what it is told. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { Reader, varint } from '../quic/raw/varint.ts';
import { eventually } from '../support/eventually.ts';
import type { Cleanup } from '../support/sluice.ts';

/** draft-ietf-webtrans-http2-14, 6. */
export const Capsule = {
  datagram: 0x00,
  close: 0x2843,
  drain: 0x78ae,
  padding: 0x190b4d38,
  resetStream: 0x190b4d39,
  stopSending: 0x190b4d3a,
  stream: 0x190b4d3b,
  lastOfStream: 0x190b4d3c,
  maxData: 0x190b4d3d,
  maxStreamData: 0x190b4d3e,
  maxBidirectionalStreams: 0x190b4d3f,
  maxUnidirectionalStreams: 0x190b4d40,
  dataBlocked: 0x190b4d41,
  streamDataBlocked: 0x190b4d42,
  bidirectionalStreamsBlocked: 0x190b4d43,
  unidirectionalStreamsBlocked: 0x190b4d44,
} as const;

/** Its 11.2. */
export const Setting = {
  maxSessions: 0x2b60,
  data: 0x2b61,
  unidirectionalStreamData: 0x2b62,
  bidirectionalStreamData: 0x2b63,
  unidirectionalStreams: 0x2b64,
  bidirectionalStreams: 0x2b65,
} as const;

/** RFC 9113, 7. */
export const Code = { protocolError: 1, flowControlError: 3, streamClosed: 5 } as const;

export function capsule(type: number, ...payload: (number | bigint | string | Buffer)[]): Buffer {
  const bytes = Buffer.concat(
    payload.map((part) =>
      typeof part === 'string' ? Buffer.from(part) : typeof part === 'object' ? part : varint(part),
    ),
  );
  return Buffer.concat([varint(type), varint(bytes.length), bytes]);
}

interface Told {
  readonly type: number;
  readonly payload: Buffer;
}

export interface CapsuleOptions {
  readonly settings?: Readonly<Record<number, number>>;
  readonly secure?: boolean;
}

const WIDE = {
  [Setting.data]: 1 << 20,
  [Setting.unidirectionalStreamData]: 1 << 20,
  [Setting.bidirectionalStreamData]: 1 << 20,
  [Setting.unidirectionalStreams]: 100,
  [Setting.bidirectionalStreams]: 100,
};

export class CapsuleConnection {
  readonly session: ClientHttp2Session;
  #settings: Readonly<Record<number, number>> = {};

  /** Once the server's SETTINGS are there. */
  static async open(
    t: Cleanup,
    port: number,
    { settings = {}, secure = true }: CapsuleOptions = {},
  ): Promise<CapsuleConnection> {
    const connection = new CapsuleConnection(port, { ...WIDE, ...settings }, secure);
    t.teardown(() => connection.session.destroy());
    await new Promise((resolve, reject) => {
      connection.session.once('remoteSettings', ({ customSettings = {} }) => {
        connection.#settings = customSettings;
        resolve(undefined);
      });
      connection.session.once('error', reject);
    });
    connection.session.on('error', () => undefined);
    return connection;
  }

  private constructor(port: number, customSettings: Record<number, number>, secure: boolean) {
    this.session = connect(`${secure ? 'https' : 'http'}://127.0.0.1:${port}`, {
      rejectUnauthorized: false,
      settings: { enableConnectProtocol: true, customSettings },
      remoteCustomSettings: Object.values(Setting),
    });
  }

  /** The server's, of WebTransport. */
  get settings(): Readonly<Record<number, number>> {
    return this.#settings;
  }

  request(path: string, headers: Record<string, string> = {}): CapsuleClient {
    const stream = this.session.request(
      { ':method': 'CONNECT', ':protocol': 'webtransport', ':path': path, ...headers },
      { endStream: false },
    );
    return new CapsuleClient(stream);
  }

  /** A session that the server has accepted. */
  async connect(path: string): Promise<CapsuleClient> {
    const client = this.request(path);
    await client.until('the session', () => client.status === 200);
    return client;
  }
}

export class CapsuleClient {
  readonly stream: ClientHttp2Stream;
  readonly told: Told[] = [];
  status = 0;
  /** The server's side has come to its end. */
  ended = false;
  closed = false;
  #unread: Buffer = Buffer.alloc(0);

  constructor(stream: ClientHttp2Stream) {
    this.stream = stream;
    stream.on('response', ({ ':status': status = 0 }) => (this.status = status));
    stream.on('data', (bytes: Buffer) => this.#read(bytes));
    stream.on('end', () => (this.ended = true));
    stream.on('close', () => (this.closed = true));
    stream.on('error', () => undefined);
  }

  get error(): number | undefined {
    return this.closed ? this.stream.rstCode : undefined;
  }

  send(...capsules: Buffer[]): void {
    this.stream.write(Buffer.concat(capsules));
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    await eventually(what, () => {
      if (this.closed && !condition()) throw new Error(`${what}: stream closed with ${this.stream.rstCode}`);
      return condition();
    });
  }

  /** The error that the stream ends with. */
  async reset(): Promise<number> {
    await eventually('the reset', () => this.closed);
    return this.stream.rstCode ?? 0;
  }

  of(...types: number[]): Told[] {
    return this.told.filter(({ type }) => types.includes(type));
  }

  /** Numbers that capsules of the type begin with. */
  numbers(type: number): number[][] {
    return this.of(type).map(({ payload }) => {
      const reader = new Reader(payload);
      const numbers = [];
      while (reader.left > 0) numbers.push(reader.varint());
      return numbers;
    });
  }

  /** What has come of a stream. */
  received(stream: number): { bytes: Buffer; ended: boolean } {
    const pieces = [];
    let ended = false;
    for (const { type, payload } of this.of(Capsule.stream, Capsule.lastOfStream)) {
      const reader = new Reader(payload);
      if (reader.varint() !== stream) continue;
      pieces.push(reader.bytes());
      ended ||= type === Capsule.lastOfStream;
    }
    return { bytes: Buffer.concat(pieces), ended };
  }

  #read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    for (;;) {
      const reader = new Reader(this.#unread);
      try {
        this.told.push({ type: reader.varint(), payload: reader.bytes(reader.varint()) });
      } catch {
        return;
      }
      this.#unread = reader.bytes();
    }
  }
}
