import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until `condition` gives something true, and returns it; throws naming `what` after `milliseconds`. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  milliseconds = 6000,
): Promise<NonNullable<T>> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const value = await condition();
    if (value) return value as NonNullable<T>;
    if (Date.now() > deadline) throw new Error(`not within ${milliseconds} ms: ${what}`);
    await sleep(10);
  }
}
