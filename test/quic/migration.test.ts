// A client that changes its port mid-download: whichever worker the new port leads to, its packets reach their own.
import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { digest } from './gtls-client.ts';
import { Nat } from './nat.ts';
import { type Quic, startQuic } from './serving.ts';
import { steeringModes } from './steering-modes.ts';

const CLIENTS = 100;
const AT_ONCE = 20;
/** The handshake is over by then: a server stays with the address that it began with. */
const FIRST_ANSWERS = 30;

const file = randomBytes(400_000);

/** The client moves while it downloads; whether the file is whole. */
async function downloadOnTheMove(t: Test, { client, port }: Quic): Promise<boolean> {
  const nat = new Nat(t, port);
  const outcome = client.get(await nat.listen(), ['/file.bin']);
  const moving = setInterval(() => {
    if (nat.answers >= FIRST_ANSWERS) nat.rebind();
  }, 200);
  const { bodies } = await outcome;
  clearInterval(moving);
  return nat.mappings > 1 && digest(bodies.get('file.bin')) === digest(file);
}

for (const { name, main } of steeringModes(t)) {
  t.test(`${CLIENTS} of ${CLIENTS} go on with four workers, ${name}`, async (t) => {
    const server = 'server { LISTEN; limit_rate 200k; limit_rate_after 100k; }';
    const quic = await startQuic(t, server, { 'file.bin': file }, { workers: 4, main });
    let whole = 0;
    for (let i = 0; i < CLIENTS; i += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, () => downloadOnTheMove(t, quic));
      whole += (await Promise.all(some)).filter(Boolean).length;
    }
    t.equal(whole, CLIENTS);
  });
}
