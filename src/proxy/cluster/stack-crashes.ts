/** Counts workers that died on F-Stack, so that the same one doesn't go on dying. */

const WINDOW_MS = 60_000;
const TOO_MANY = 2;

export class StackCrashes {
  readonly #times = new Map<number, number[]>();

  /** A worker, by number, was ended by a signal that nobody sent. */
  note(worker: number, now = Date.now()): void {
    this.#times.set(worker, [...this.#recent(worker, now), now]);
  }

  tooMany(worker: number, now = Date.now()): boolean {
    return this.#recent(worker, now).length >= TOO_MANY;
  }

  #recent(worker: number, now: number): number[] {
    return (this.#times.get(worker) ?? []).filter((time) => now - time < WINDOW_MS);
  }
}
