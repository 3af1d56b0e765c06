/** What tells the time, in milliseconds, and calls later. */
export interface Clock {
  now(): number;
  /** Returns what calls it off. */
  later(milliseconds: number, step: () => void): () => void;
}

export const systemClock: Clock = {
  now: Date.now,
  later: (milliseconds, step) => {
    const timer = setTimeout(step, milliseconds).unref();
    return () => clearTimeout(timer);
  },
};

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
/** Longer than this without trouble, and the next pause is the first one again. */
const SETTLED_MS = 60_000;

/** For how long something that fails is left alone: for a second, then 2, 4 … 30. */
export class RetryPauses {
  readonly #clock: Clock;
  #next = FIRST_MS;
  #worksSince: number | undefined;
  #callOff = (): void => undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** It works, from now on. */
  end(): void {
    this.#worksSince = this.#clock.now();
  }

  /** It has failed: `retry` is called after a pause, in place of what was to be called before. */
  begin(retry: () => void): void {
    const worked = this.#worksSince === undefined ? 0 : this.#clock.now() - this.#worksSince;
    if (worked > SETTLED_MS) this.#next = FIRST_MS;
    this.#worksSince = undefined;
    this.#callOff();
    this.#callOff = this.#clock.later(this.#next, retry);
    this.#next = Math.min(this.#next * 2, LONGEST_MS);
  }
}
