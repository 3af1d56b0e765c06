/** A client whose every frame the test decides. */
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import type { Cleanup } from '../support/sluice.ts';
import { END_HEADERS, END_STREAM, fields, frame, TYPE } from '../upstream/h2-origin.ts';

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const PRIORITY_UPDATE = 0x10;
export const ERROR = { none: 0, protocol: 1, flow: 3, closed: 5, refused: 7, compression: 9, calm: 11 };

/** HEADERS of a request. */
export function request(
  stream: number,
  path = '/',
  extra: [string, string][] = [],
  flags = END_HEADERS | END_STREAM,
): Buffer {
  const method = flags & END_STREAM ? 'GET' : 'POST';
  const pseudo: [string, string][] = [
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'x'],
    [':path', path],
  ];
  return frame(TYPE.headers, flags, stream, fields(...pseudo, ...extra));
}

export class FrameClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  readonly #ended: Promise<unknown>;
  ended = false;
  #input: Buffer = Buffer.alloc(0);
  #wake = (): void => undefined;

  constructor(t: Cleanup, port: number, settings: Buffer = Buffer.alloc(0)) {
    this.socket = createConnection({ port, host: '127.0.0.1', noDelay: true });
    t.teardown(() => void this.socket.destroy());
    this.socket.on('error', () => undefined);
    this.socket.on('data', (data: Buffer) => this.#take(data));
    this.#ended = once(this.socket, 'close').then(() => {
      this.ended = true;
      this.#wake();
    });
    this.send(PREFACE, frame(TYPE.settings, 0, 0, settings));
  }

  send(...frames: readonly Buffer[]): void {
    this.socket.write(Buffer.concat(frames));
  }

  /** The first frame, of those that have come or will, that `matches`; throws if the connection ends without it. */
  async find(matches: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(matches);
      if (found) return found;
      if (this.ended) throw new Error(`the connection has ended after ${JSON.stringify(this.frames)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The end of a stream: its last frame. */
  end(stream: number): Promise<Frame> {
    return this.find(
      (each) =>
        each.stream === stream &&
        (each.type === TYPE.reset || ((each.flags & END_STREAM) !== 0 && each.type <= TYPE.headers)),
    );
  }

  /** The error that GOAWAY gives. */
  async goaway(): Promise<number> {
    return (await this.find(({ type }) => type === TYPE.goaway)).payload.readUInt32BE(4);
  }

  async reset(stream: number): Promise<number> {
    const found = await this.find((each) => each.type === TYPE.reset && each.stream === stream);
    return found.payload.readUInt32BE(0);
  }

  async closed(): Promise<void> {
    await this.#ended;
  }

  #take(data: Buffer): void {
    this.#input = Buffer.concat([this.#input, data]);
    while (this.#input.length >= 9) {
      const size = 9 + this.#input.readUIntBE(0, 3);
      if (this.#input.length < size) break;
      const [type = 0, flags = 0] = [this.#input[3], this.#input[4]];
      const stream = this.#input.readUInt32BE(5);
      this.frames.push({ type, flags, stream, payload: this.#input.subarray(9, size) });
      this.#input = this.#input.subarray(size);
      if (type === TYPE.settings && !(flags & 1)) this.send(frame(TYPE.settings, 1, 0));
    }
    this.#wake();
  }
}
