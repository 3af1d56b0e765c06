/**
 * What a session of another host adds to a handshake: `node bench/session-store.ts [HANDSHAKES]`. Each session is made
 * on one host, found in Redis by the other one, and from then on in that one's zone.
 */
import { RedisServer } from '../test/support/redis.ts';
import { STATEFUL, startHost, storeIs, visit, written } from '../test/tls/stored-sessions.ts';
import { median } from './statistics.ts';

const GOAL_MS = 0.5;
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
  for (let i = 0; i < handshakes; i++) sessions.push((await visit(one, 'TLSv1.2')).session);
  await written(one, handshakes);

  /** Milliseconds from the ClientHello to the end of the handshake. */
  const timed = async (session: Buffer): Promise<number> => {
    const start = process.hrtime.bigint();
    const socket = await other.connect({ maxVersion: 'TLSv1.2', servername: 'localhost', session });
    const end = process.hrtime.bigint();
    if (!socket.isSessionReused()) throw new Error('a session was not resumed');
    socket.destroy();
    return Number(end - start) / 1e6;
  };
  const remote: number[] = [];
  const local: number[] = [];
  for (const session of sessions) {
    remote.push(await timed(session));
    local.push(await timed(session));
  }
  const [fromStore, fromZone] = [median(remote), median(local)];
  const added = fromStore - fromZone;
  process.stdout.write(
    `${handshakes} handshakes, medians: ${fromZone.toFixed(3)} ms by zone, ${fromStore.toFixed(3)} ms by store
${added <= GOAL_MS ? 'ok' : 'MISSED'}  a remote session adds ${added.toFixed(3)} ms (at most ${GOAL_MS})\n`,
  );
  process.exitCode = added <= GOAL_MS ? 0 : 1;
} finally {
  for (const step of steps) await step();
}
