/** Requests without a pause, each on a connection of its own, and what became of them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { get, type RawResponse } from './raw-client.ts';

export interface LoadResult {
  readonly answered: number;
  /** One line each. */
  readonly failures: readonly string[];
  /** Bodies, each once. */
  readonly bodies: ReadonlySet<string>;
}

export class Load {
  readonly #port: number;
  readonly #failures: string[] = [];
  readonly #bodies = new Set<string>();
  readonly #running: Promise<void>[];
  #answered = 0;
  #stopped = false;

  constructor(port: number, { clients = 4, pauseMs = 2 } = {}) {
    this.#port = port;
    this.#running = Array.from({ length: clients }, () => this.#client(pauseMs));
  }

  get answered(): number {
    return this.#answered;
  }

  async stop(): Promise<LoadResult> {
    this.#stopped = true;
    await Promise.all(this.#running);
    return { answered: this.#answered, failures: this.#failures, bodies: this.#bodies };
  }

  async #client(pauseMs: number): Promise<void> {
    while (!this.#stopped) {
      try {
        this.#note(await get(this.#port));
      } catch (error) {
        this.#failures.push(String(error));
      }
      await sleep(pauseMs);
    }
  }

  #note({ status, body }: RawResponse): void {
    if (status !== 200) this.#failures.push(`status ${status}`);
    else this.#answered++;
    this.#bodies.add(body);
  }
}
