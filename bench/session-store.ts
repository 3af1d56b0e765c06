/**
 * What a session of another host adds to a handshake: `node bench/session-store.ts [HANDSHAKES]`. Each session is made on one host,
 * found in Redis by the other one, and from then on in that one's zone; rounds of either kind take turns.
 *
 * CPU is what the scheduler has charged to the data thread. With nothing else to do it goes to sleep until the answer is there:
 * one handshake at a time, waking another thread, sleeping and being woken is most of what is seen, and in a virtual machine dear.
 * What a busy worker pays shows with many at a time, and only that is judged.
 */
import { RedisServer } from '../test/support/redis.ts';
import { STATEFUL, startHost, storeIs, visit, written } from '../test/tls/stored-sessions.ts';
import { dataThreadUse } from './cpu.ts';
import { median } from './statistics.ts';

/** Milliseconds of one handshake at a time. */
const GOAL_MS = 0.5;
/** Microseconds of the data thread's CPU for one of many at a time. */
const GOAL_CPU = 20;
/** Handshakes before any is measured. */
const WARMING = 200;
const ROUND = 50;
const AT_A_TIME = [1, 25] as const;
const handshakes = Math.ceil(Number(process.argv[2] ?? 1000) / ROUND) * ROUND;

/** Of one handshake. */
interface Round {
  /** The median. */
  readonly ms: number;
  readonly cpu: number;
  readonly switches: number;
}

const steps: (() => void | Promise<void>)[] = [];
const cleanup = { teardown: (step: () => void | Promise<void>) => steps.unshift(step) };

try {
  const redis = await RedisServer.start(cleanup);
  const directives = `${STATEFUL} ssl_session_cache shared:tls:10m; error_log error.log crit;`;
  const hosts = [0, 1].map(() => startHost(cleanup, `redis://127.0.0.1:${redis.port}`, directives));
  const [one, other] = await Promise.all(hosts);
  if (!one || !other) throw new Error('two hosts are needed');
  await storeIs(one, 'up');
  await storeIs(other, 'up');

  let made = 0;
  const make = async (count: number): Promise<Buffer[]> => {
    const sessions: Buffer[] = [];
    for (let i = 0; i < count; i++) sessions.push((await visit(one, 'TLSv1.2')).session);
    made += count;
    await written(one, made);
    return sessions;
  };
  /** Milliseconds from the ClientHello to the end of the handshake. */
  const timed = async (session: Buffer): Promise<number> => {
    const start = process.hrtime.bigint();
    const socket = await other.connect({ maxVersion: 'TLSv1.2', servername: 'localhost', session });
    const end = process.hrtime.bigint();
    if (!socket.isSessionReused()) throw new Error('a session was not resumed');
    socket.destroy();
    return Number(end - start) / 1e6;
  };
  const [worker = 0] = other.sluice.workers();
  const visitAll = async (sessions: readonly Buffer[], atATime: number): Promise<Round> => {
    const before = dataThreadUse(worker);
    const times: number[] = [];
    for (let i = 0; i < sessions.length; i += atATime) {
      times.push(...(await Promise.all(sessions.slice(i, i + atATime).map(timed))));
    }
    const after = dataThreadUse(worker);
    return {
      ms: median(times),
      cpu: (after.cpu - before.cpu) / sessions.length,
      switches: (after.switches - before.switches) / sessions.length,
    };
  };
  const compare = async (atATime: number): Promise<void> => {
    const zone: Round[] = [];
    const store: Round[] = [];
    const sessions = await make(handshakes);
    for (let at = 0; at < handshakes; at += ROUND) {
      const round = sessions.slice(at, at + ROUND);
      store.push(await visitAll(round, atATime));
      zone.push(await visitAll(round, atATime));
    }
    const figure = (name: keyof Round, rounds: Round[]): number => median(rounds.map((round) => round[name]));
    const line = (name: keyof Round, digits: number, unit: string, goal?: number): string => {
      const [by, from] = [figure(name, zone), figure(name, store)];
      const kept = goal === undefined || from - by <= goal;
      if (!kept) process.exitCode = 1;
      const judged = goal === undefined ? '' : ` (at most ${goal}): ${kept ? 'ok' : 'MISSED'}`;
      const [least, more, added] = [by, from, from - by].map((value) => value.toFixed(digits));
      return `  ${least} by zone, ${more} by store: ${added} ${unit} more${judged}\n`;
    };
    const alone = atATime === 1;
    process.stdout.write(
      `${handshakes} handshakes of each kind, ${atATime} at a time, medians of rounds
${line('ms', 3, 'ms a handshake', alone ? GOAL_MS : undefined)}${line('cpu', 1, 'µs of the data thread', alone ? undefined : GOAL_CPU)}${line('switches', 2, 'switches of the data thread')}`,
    );
  };

  await visitAll(await make(WARMING), 1);
  for (const atATime of AT_A_TIME) await compare(atATime);
} finally {
  for (const step of steps) await step();
}
