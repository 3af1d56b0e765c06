/** When a store that fails is asked again, told by a clock that the test drives. */
import t from 'tap';
import { type LinkState, RedisLink } from '../../src/tls/redis-link.ts';
import type { Clock } from '../../src/tls/retry-pauses.ts';
import { eventually } from '../support/eventually.ts';
import { RedisServer } from '../support/redis.ts';

class DrivenClock implements Clock {
  pauses: number[] = [];
  #now = 0;
  #waiting: { readonly at: number; readonly step: () => void } | undefined;

  now(): number {
    return this.#now;
  }

  later(milliseconds: number, step: () => void): () => void {
    this.pauses.push(milliseconds);
    const waiting = { at: this.#now + milliseconds, step };
    this.#waiting = waiting;
    return () => {
      if (this.#waiting === waiting) this.#waiting = undefined;
    };
  }

  /** What is due is done. */
  pass(milliseconds: number): void {
    this.#now += milliseconds;
    const { at = Number.POSITIVE_INFINITY, step } = this.#waiting ?? {};
    if (at > this.#now) return;
    this.#waiting = undefined;
    step?.();
  }
}

t.test('a store that fails is left alone for a second, then 2, 4 … 30', async (t) => {
  const redis = await RedisServer.start(t);
  await redis.kill();
  const clock = new DrivenClock();
  let state: LinkState | undefined;
  const log = { write: (): void => undefined };
  const settings = {
    name: 'redis://127.0.0.1',
    kind: 'single',
    nodes: [{ host: '127.0.0.1', port: redis.port }],
    db: 0,
    prefix: 'test:',
    timeout: 5_000,
    keys: [],
  } as const;
  const link = new RedisLink(
    settings,
    log,
    (next) => {
      state = next;
    },
    clock,
  );
  const pauses = (count: number): Promise<unknown> =>
    eventually('the next pause', () => clock.pauses.length >= count);

  for (let tries = 1; tries <= 8; tries++) {
    await pauses(tries);
    t.equal(state, 'down');
    const pause = clock.pauses[tries - 1] ?? 0;
    clock.pass(pause - 1);
    t.equal(clock.pauses.length, tries, 'not a millisecond early');
    if (tries < 8) clock.pass(1);
  }
  t.same(clock.pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  await t.rejects(
    link.run(1_000, (client) => client.ping()),
    /left alone/,
    'nobody waits meanwhile',
  );

  await redis.start();
  clock.pass(1);
  await eventually('the store works', () => state === 'up');
  clock.pass(59_000);
  await redis.kill();
  await pauses(9);
  t.equal(clock.pauses[8], 30_000, 'it has not worked for long');

  await redis.start();
  clock.pass(30_000);
  await eventually('the store works', () => state === 'up');
  clock.pass(61_000);
  await redis.kill();
  await pauses(10);
  t.equal(clock.pauses[9], 1_000, 'trouble is over, and begins anew');
});
