/** A client that keeps to RFC 9114, and knows of each request whether the server has dealt with it. */
import type { Cleanup } from '../support/sluice.ts';
import { FrameType, streamFrame } from './raw/frames.ts';
import { controlFrames, greeting, H3, parseResponse, request } from './raw/http.ts';
import { RawClient } from './raw/raw-client.ts';

/** Transport parameter (RFC 9000, 18.2). */
const MAX_IDLE_TIMEOUT = 0x01;
/** Longer than any test. */
const IDLE_MS = 600_000;
const RESEND_MS = 500;
const LIMIT_MS = 20_000;
const REQUEST_REJECTED = 0x10b;

/** `unprocessed`: the server has said so, and it may be asked again elsewhere (RFC 9114, 5.2). */
export type Fate = { readonly status: number } | 'unprocessed' | 'lost';

export class Http3Client {
  readonly #raw: RawClient;
  #next = 0;

  private constructor(raw: RawClient) {
    this.#raw = raw;
  }

  static async connect(t: Cleanup, port: number): Promise<Http3Client> {
    const raw = await RawClient.open(t, port, { parameters: new Map([[MAX_IDLE_TIMEOUT, IDLE_MS]]) });
    await repeated(
      raw,
      () => raw.start(),
      () => raw.has(FrameType.handshakeDone) || raw.close !== undefined,
    );
    raw.send(greeting);
    return new Http3Client(raw);
  }

  /** Whether further requests are for another connection. */
  get over(): boolean {
    return this.#raw.close !== undefined || this.#goaway !== undefined;
  }

  async get(path: string): Promise<Fate> {
    const stream = this.#next;
    this.#next += 4;
    const frame = streamFrame(stream, request(path), { end: true });
    await repeated(
      this.#raw,
      () => this.#raw.send(frame),
      () => this.#fate(stream) !== undefined,
    );
    return this.#fate(stream) ?? 'lost';
  }

  leave(): void {
    if (!this.#raw.close) this.#raw.leave();
  }

  #fate(stream: number): Fate | undefined {
    const { bytes, ended } = this.#raw.received(stream);
    if (ended) return { status: parseResponse(bytes).statuses[0] ?? 0 };
    const goaway = this.#goaway;
    if (goaway !== undefined && stream >= goaway) return 'unprocessed';
    const reset = this.#raw.of(FrameType.resetStream).find(({ numbers: [id] }) => id === stream);
    if (reset) return reset.numbers[1] === REQUEST_REJECTED ? 'unprocessed' : 'lost';
    return this.#raw.close ? 'lost' : undefined;
  }

  /** The first stream that is not dealt with any more. */
  get #goaway(): number | undefined {
    return controlFrames(this.#raw)
      .filter(([type]) => type === H3.goaway)
      .at(-1)?.[1];
  }
}

/** Packets get lost: what is sent is sent again until it has had its effect. */
async function repeated(raw: RawClient, send: () => void, done: () => boolean): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  do {
    send();
    await raw.until('an answer', done, RESEND_MS).catch(() => undefined);
  } while (!done() && Date.now() < deadline);
}
