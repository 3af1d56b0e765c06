/** An upstream of long responses, which go on when the test says so. */
import type { Socket } from 'node:net';
import { eventually } from '../support/eventually.ts';
import { type Origin, startOrigin } from '../support/origin.ts';
import type { Cleanup } from '../support/sluice.ts';

const PIECE = 2000;

export class SlowOrigin {
  readonly #body: Buffer;
  /** Responses that have begun, and how far they are. */
  readonly #sent = new Map<Socket, number>();
  #origin: Origin | undefined;

  private constructor(body: Buffer) {
    this.#body = body;
  }

  /** `body` is every response's. */
  static async start(t: Cleanup, body: Buffer): Promise<SlowOrigin> {
    const made = new SlowOrigin(body);
    made.#origin = await startOrigin(t, ({ socket }) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      made.#sent.set(socket, 0);
    });
    return made;
  }

  get port(): number {
    return this.#origin?.port ?? 0;
  }

  /** Resolves when so many responses are under way. */
  async begun(count: number): Promise<void> {
    await eventually(`${count} responses`, () => this.#sent.size >= count, 20_000);
  }

  /** All responses get a little further. */
  proceed(): void {
    for (const [socket, sent] of this.#sent) {
      const end = Math.min(sent + PIECE, this.#body.length - 1);
      socket.write(this.#body.subarray(sent, end));
      this.#sent.set(socket, end);
    }
  }

  /** All that have begun are completed. */
  finish(): void {
    for (const [socket, sent] of this.#sent) socket.end(this.#body.subarray(sent));
    this.#sent.clear();
  }
}
