import { execFile } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import type { Cleanup } from '../support/sluice.ts';
import { makeIdentity } from '../tls/certificates.ts';
import { cryptoFrame, FrameType, frame, streamFrame } from './raw/frames.ts';
import { greeting, parseResponse, request } from './raw/http.ts';
import { RawClient } from './raw/raw-client.ts';
import { startQuic } from './serving.ts';

async function udp(t: Cleanup): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => void socket.close());
  return socket;
}

/** What comes soon after a packet was sent. */
async function answers(socket: Socket, packet: Uint8Array, port: number, wait = 500): Promise<Buffer[]> {
  const received: Buffer[] = [];
  const take = (bytes: Buffer): void => void received.push(bytes);
  socket.on('message', take);
  socket.send(packet, port, '127.0.0.1');
  await sleep(wait);
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
  const { certificate, key } = makeIdentity('localhost');
  // A chain that takes several times as much as may be sent.
  const { port, get } = await startQuic(t, 'server { LISTEN; return 200; }', {
    certificate: certificate.repeat(10),
    key,
  });
  const packet = await firstPacket(t);
  const socket = await udp(t);
  const received: Buffer[] = [];
  socket.on('message', (bytes) => received.push(bytes));
  socket.send(packet, port, '127.0.0.1');
  await sleep(3000);
  const size = received.reduce((sum, bytes) => sum + bytes.length, 0);
  t.ok(size > 2 * packet.length, 'as much as there is to say');
  t.ok(size <= 3 * packet.length, `${size} bytes`);
  t.strictSame((await get('/')).statuses, [200]);
});

t.test('a client that only begins gets three times as much for each packet', async (t) => {
  const { certificate, key } = makeIdentity('localhost');
  const { port } = await startQuic(t, 'server { LISTEN; return 200; }', {
    certificate: certificate.repeat(20),
    key,
  });
  const client = await RawClient.open(t, port);
  client.acknowledges = false;
  client.start();
  await sleep(1000);
  t.ok(client.bytesReceived <= 3 * 1200 + 300, `${client.bytesReceived} bytes`);
  const before = client.bytesReceived;
  client.sendAt(0, frame(FrameType.ping));
  await sleep(1000);
  t.ok(client.bytesReceived > before, 'goes on');
  t.ok(
    client.bytesReceived <= 3 * (client.bytesSent + 1),
    `${client.bytesReceived} bytes for ${client.bytesSent}`,
  );
});

t.test('a ClientHello in pieces of a byte, the last one first', async (t) => {
  const { port, get, sluice } = await startQuic(t, 'server { LISTEN; return 200 hello; }');
  for (const helloPieces of [1, 7, 100]) {
    const client = await RawClient.connect(t, port, { helloPieces });
    client.send(greeting, streamFrame(0, request('/'), { end: true }));
    await client.until('the response', () => client.received(0).ended);
    t.equal(parseResponse(client.received(0).bytes).body.toString(), 'hello');
  }
  const endless = await RawClient.open(t, port);
  endless.open();
  // A handshake message that never ends.
  for (let at = 0; at < 400_000 && !endless.close; at += 1000) {
    const head = at === 0 ? [1, 0x7f, 0xff, 0xff] : [];
    endless.sendAt(0, cryptoFrame(Buffer.concat([Buffer.from(head), Buffer.alloc(1000 - head.length)]), at));
    if (at % 20_000 === 0) await sleep(5);
  }
  t.match(await endless.closed(), { by: 'transport' });
  t.strictSame((await get('/')).statuses, [200]);
  t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});

t.test('10,000 clients that only begin are held up at a limit', async (t) => {
  const { port, get, sluice } = await startQuic(
    t,
    'server { LISTEN; client_header_timeout 2s; location /status { sluice_status json; } location / { return 200; } }',
    {},
    { workers: 1 },
  );
  const client = await RawClient.open(t, port);
  client.acknowledges = false;
  for (let i = 0; i < 10_000; i++) {
    client.restart();
    if (i % 50 === 49) await sleep(2);
  }
  t.ok(client.retries.length > 5000, `${client.retries.length} have to prove their address`);
  const { bodies } = await get('/status');
  const { connections } = JSON.parse(bodies.get('status')?.toString() ?? '');
  t.ok(connections.active <= 300, `${connections.active} are let in`);
  await eventually(
    'them to go',
    async () => {
      const { bodies } = await get('/status');
      return JSON.parse(bodies.get('status')?.toString() ?? '').connections.active === 1;
    },
    10_000,
  );
  t.equal(sluice.logged(/\[(alert|crit|emerg)\]/), 0);
});

t.test('a reset is answered by none', async (t) => {
  const { port } = await startQuic(t, 'server { LISTEN; return 200; }');
  const socket = await udp(t);
  for (let size = 21; size < 200; size += 7) {
    let packet: Buffer = Buffer.alloc(size, 0x41);
    let rounds = 0;
    for (; rounds < 4; rounds++) {
      const [answer] = await answers(socket, packet, port, 40);
      if (!answer) break;
      t.ok(answer.length < packet.length);
      packet = answer;
    }
    t.ok(rounds <= 1, `of ${size} bytes`);
  }
});

t.test('numbers that are larger than anybody needs', async (t) => {
  const { get } = await startQuic(
    t,
    `quic_active_connection_id_limit 1000; http3_max_concurrent_streams 100000; http3_stream_buffer_size 64m;
     server { LISTEN; keepalive_timeout 365d; return 200; }`,
  );
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
