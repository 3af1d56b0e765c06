import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { Nat } from './nat.ts';
import { FrameType, frame } from './raw/frames.ts';
import { RawClient } from './raw/raw-client.ts';
import { startQuic } from './serving.ts';
import { isRetried, newToken } from './token-client.ts';

const INVALID_TOKEN = 0x0b;
const RETRY_LIFETIME_MS = 10_000;
const RESET_TOKEN_SIZE = 16;
const serving = 'quic_retry on; server { LISTEN; return 200; }';
const upgrading = { daemon: true, workers: 2 };

async function answer(client: RawClient): Promise<number | undefined> {
  await client.until('an answer', () => client.close !== undefined || client.handshaking);
  return client.close?.code;
}

t.test('the token of a NEW_TOKEN frame is good for its address', async (t) => {
  const { port, sluice } = await startQuic(t, serving, {}, upgrading);
  const token = await newToken(t, port);
  t.notOk(await isRetried(t, port, { token }), 'another connection, from another port');
  t.ok(await isRetried(t, port, { token, from: '127.0.0.9' }), 'not from another address');
  const forged = Buffer.from(token);
  forged.writeUInt8(forged.readUInt8(20) ^ 1, 20);
  t.ok(await isRetried(t, port, { token: forged }), 'not if it was changed');
  await sluice.reload();
  t.notOk(await isRetried(t, port, { token }), 'after a reload');
  await sluice.startNewBinary();
  await sluice.endOldBinary(10_000);
  t.notOk(await isRetried(t, port, { token }), 'after a binary upgrade');
});

t.test('the token of a Retry packet is good for its address and port, and not for long', async (t) => {
  const { port, sluice, get } = await startQuic(t, serving);
  const client = await RawClient.open(t, port);
  client.acknowledges = false;
  client.start();
  await client.until('a Retry packet', () => client.retries.length > 0);
  const begun = Date.now();
  const [{ id, token } = { id: Buffer.alloc(0), token: Buffer.alloc(0) }] = client.retries;
  for (const from of ['127.0.0.1', '127.0.0.9']) {
    const thief = await RawClient.open(t, port, { token, from });
    thief.destination = id;
    thief.start();
    t.equal(await answer(thief), INVALID_TOKEN, `from another port of ${from}`);
  }
  await pause(Math.max(0, begun + RETRY_LIFETIME_MS + 2000 - Date.now()));
  client.follow();
  t.equal(await answer(client), INVALID_TOKEN, 'too late');
  t.strictSame((await get('/')).statuses, [200]);
  t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});

t.test('hosts that have the same quic_host_key believe each other', async (t) => {
  const key = Buffer.alloc(32, 5);
  const of = (file: string): string => `quic_retry on; quic_host_key ${file}; server { LISTEN; return 200; }`;
  const files = { same: key, other: Buffer.alloc(32, 6) };
  const here = await startQuic(t, of('same'), files);
  const there = await startQuic(t, of('same'), files);
  const stranger = await startQuic(t, of('other'), files);
  const token = await newToken(t, here.port);
  t.notOk(await isRetried(t, there.port, { token }));
  t.ok(await isRetried(t, stranger.port, { token }));
});

t.test('the token of a Retry is good for the workers that come after', async (t) => {
  const { sluice, client, port } = await startQuic(t, 'quic_retry on; server { LISTEN; return 200; }');
  const nat = new Nat(t, port);
  const address = await nat.listen();
  nat.hold();
  const outcome = client.get(address, ['/small']);
  await eventually('a Retry', () => nat.answers > 0);
  await sluice.reload();
  nat.release();
  const { statuses, log } = await outcome;
  t.strictSame(statuses, [200]);
  t.match(log, /type=Retry/);
});

t.test('clients of a worker that died are told by a stateless reset', async (t) => {
  const { sluice, port } = await startQuic(t, 'server { LISTEN; return 200; }');
  const client = await RawClient.connect(t, port);
  await client.until('another connection ID', () => client.has(FrameType.newConnectionId));
  const named = client.of(FrameType.newConnectionId)[0]?.bytes ?? Buffer.alloc(0);
  const token = named.subarray(-RESET_TOKEN_SIZE);
  client.destination = named.subarray(0, -RESET_TOKEN_SIZE);
  const [worker] = sluice.workers();
  if (worker !== undefined) process.kill(worker, 'SIGKILL');
  await eventually('the reset', () => {
    client.send(frame(FrameType.ping), Buffer.alloc(40, FrameType.padding));
    return client.unopened.some((packet) => packet.subarray(-RESET_TOKEN_SIZE).equals(token));
  });
  t.equal(client.close, undefined, 'nobody could have closed it');
});
