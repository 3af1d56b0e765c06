import { execFile } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { Cleanup } from '../support/sluice.ts';
import { startQuic } from './serving.ts';

async function udp(t: Cleanup): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => void socket.close());
  return socket;
}

/** What comes within half a second after a packet was sent. */
async function answers(socket: Socket, packet: Uint8Array, port: number): Promise<Buffer[]> {
  const received: Buffer[] = [];
  const take = (bytes: Buffer): void => void received.push(bytes);
  socket.on('message', take);
  socket.send(packet, port, '127.0.0.1');
  await sleep(500);
  socket.off('message', take);
  return received;
}

/** A client's first datagram: whoever sends it again looks like a client with a forged address. */
async function firstPacket(t: Cleanup): Promise<Buffer> {
  const trap = await udp(t);
  const child = execFile('gtlsclient', [
    '-q',
    '127.0.0.1',
    String(trap.address().port),
    'https://localhost/',
  ]);
  const [packet] = await once(trap, 'message');
  child.kill();
  return packet;
}

/** A long header: type bits, version, connection IDs. */
function longHeader(version: number, size: number): Buffer {
  const packet = Buffer.alloc(size, 0x5a);
  packet[0] = 0xc0;
  packet.writeUInt32BE(version, 1);
  packet[5] = 8;
  packet[14] = 8;
  return packet;
}

t.test('an address that was not proved gets three times what came from it at most', async (t) => {
  const { port, get } = await startQuic(t, 'server { LISTEN; return 200; }');
  const packet = await firstPacket(t);
  const socket = await udp(t);
  const received: Buffer[] = [];
  socket.on('message', (bytes) => received.push(bytes));
  socket.send(packet, port, '127.0.0.1');
  await sleep(3000);
  const size = received.reduce((sum, bytes) => sum + bytes.length, 0);
  t.ok(size > 0, 'an answer');
  t.ok(size <= 3 * packet.length, `${size} bytes`);
  t.strictSame((await get('/')).statuses, [200]);
});

t.test('what is no packet of a connection', async (t) => {
  const { port, get, sluice } = await startQuic(t, 'server { LISTEN; return 200; }');
  const socket = await udp(t);
  t.strictSame(await answers(socket, longHeader(1, 600), port), [], 'an Initial that is too short');
  t.strictSame(await answers(socket, longHeader(1, 1200), port), [], 'an Initial that nobody has sealed');
  t.strictSame(await answers(socket, longHeader(0x1a2a3a4a, 600), port), [], 'another version, too short');
  const [negotiation] = await answers(socket, longHeader(0x1a2a3a4a, 1200), port);
  t.equal(negotiation?.readUInt32BE(1), 0, 'version negotiation');
  t.equal(negotiation?.readUInt32BE(negotiation.length - 4), 1, 'version 1 is spoken');
  const short = Buffer.alloc(100, 0x41);
  const [reset, ...others] = await answers(socket, short, port);
  t.ok(reset && reset.length < short.length, 'a stateless reset, shorter than what it answers');
  t.strictSame(others, []);
  t.strictSame(
    await answers(socket, Buffer.alloc(30, 0x41), port),
    [],
    'none for a packet as short as a reset',
  );
  t.strictSame(await answers(socket, Buffer.alloc(0), port), []);
  for (let size = 1; size < 60; size++) socket.send(Buffer.alloc(size, 0xff), port, '127.0.0.1');
  t.strictSame((await get('/')).statuses, [200]);
  t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});
