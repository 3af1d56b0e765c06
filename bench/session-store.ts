/**
 * What a session of another host adds to a handshake: `node bench/session-store.ts [HANDSHAKES]`. Each session is made
 * on one host, found in Redis by the other one, and from then on in that one's zone.
 */
import { RedisServer } from '../test/support/redis.ts';
import { STATEFUL, startHost, storeIs, visit, written } from '../test/tls/stored-sessions.ts';
import { dataThreadMicroseconds } from './cpu.ts';
import { median } from './statistics.ts';

const GOAL_MS = 0.5;
/** Handshakes before any is measured. */
const WARMING = 200;
const handshakes = Number(process.argv[2] ?? 500);

const steps: (() => void | Promise<void>)[] = [];
const cleanup = { teardown: (step: () => void | Promise<void>) => steps.unshift(step) };

try {
  const redis = await RedisServer.start(cleanup);
  const directives = `${STATEFUL} ssl_session_cache shared:tls:10m;`;
  const hosts = [0, 1].map(() => startHost(cleanup, `redis://127.0.0.1:${redis.port}`, directives));
  const [one, other] = await Promise.all(hosts);
  if (!one || !other) throw new Error('two hosts are needed');
  await storeIs(one, 'up');
  await storeIs(other, 'up');

  const sessions: Buffer[] = [];
  for (let i = 0; i < WARMING + handshakes; i++) sessions.push((await visit(one, 'TLSv1.2')).session);
  await written(one, WARMING + handshakes);

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
  const measured = async (): Promise<{ readonly ms: number; readonly cpu: number }> => {
    const before = dataThreadMicroseconds(worker);
    const times: number[] = [];
    for (const session of sessions.slice(-handshakes)) times.push(await timed(session));
    return { ms: median(times), cpu: (dataThreadMicroseconds(worker) - before) / handshakes };
  };
  for (const session of sessions.slice(0, WARMING)) await timed(session);
  const store = await measured();
  const zone = await measured();
  const added = store.ms - zone.ms;
  process.stdout.write(
    `${handshakes} handshakes, medians: ${zone.ms.toFixed(3)} ms by zone, ${store.ms.toFixed(3)} ms by store
${added <= GOAL_MS ? 'ok' : 'MISSED'}  a remote session adds ${added.toFixed(3)} ms (at most ${GOAL_MS})
CPU of the data thread: ${zone.cpu.toFixed(1)} µs a handshake by zone, ${store.cpu.toFixed(1)} µs by store\n`,
  );
  process.exitCode = added <= GOAL_MS ? 0 : 1;
} finally {
  for (const step of steps) await step();
}
