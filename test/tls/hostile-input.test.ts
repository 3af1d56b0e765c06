import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import t, { type Test } from 'tap';
import { eventually } from '../support/eventually.ts';
import { type Secure, startSecure } from './secure.ts';

const HALF_OPEN = 10_000;
const HANDSHAKE = 22;
const RECORD_HEAD = 5;
const SERVER = 'server { LISTEN; return 200 served; }';

/** One plaintext record (RFC 8446 section 5.1). */
function record(content: Uint8Array, type = HANDSHAKE): Buffer {
  const head = Buffer.from([type, 3, 1, 0, 0]);
  head.writeUInt16BE(content.length, 3);
  return Buffer.concat([head, content]);
}

/** A real client's ClientHello, without its record's head. */
async function clientHello(): Promise<Buffer> {
  const catcher = createServer().listen(0, '127.0.0.1');
  await once(catcher, 'listening');
  const { port } = catcher.address() as AddressInfo;
  const client = connect({ host: '127.0.0.1', port, servername: 'one.test' });
  client.on('error', () => undefined);
  const [socket] = (await once(catcher, 'connection')) as [Socket];
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  catcher.close();
  return bytes.subarray(RECORD_HEAD);
}

/** Sends `bytes` and nothing more; gives what comes back until the server has closed. */
async function send(port: number, bytes: Uint8Array): Promise<Buffer> {
  const socket = createConnection(port, '127.0.0.1');
  socket.on('error', () => undefined);
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  socket.end(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(pieces);
}

async function stillServes(t: Test, { get, sluice }: Secure): Promise<void> {
  t.match(await get('/'), /served$/);
  t.equal(sluice.logged(/\[(alert|crit)\]/), 0);
}

t.test('a ClientHello that is cut short, too long, damaged, or none at all', async (t) => {
  const secure = await startSecure(t, SERVER);
  const { port } = secure;
  const hello = await clientHello();
  const whole = record(hello);
  for (let length = 1; length < whole.length; length += 1 + (length >> 3)) {
    await send(port, whole.subarray(0, length));
  }
  const alert = (bytes: Buffer): number | undefined => (bytes[0] === 21 ? bytes[6] : undefined);
  const decodeError = 50;
  const illegalParameter = 47;
  const recordOverflow = 22;
  const long = Buffer.from(hello);
  long.writeUIntBE(0xffffff, 1, 3);
  t.equal(alert(await send(port, record(long))), illegalParameter, 'a message of 16 MiB');
  const large = Buffer.alloc(17 * 1024, 1);
  t.ok([recordOverflow, decodeError].includes(alert(await send(port, record(large))) ?? 0), 'a large record');
  t.ok(alert(await send(port, record(Buffer.concat([hello, hello])))), 'two of them');
  for (let i = 0; i < 200; i++) {
    const damaged = Buffer.from(hello);
    for (const at of randomBytes(4)) damaged[at % damaged.length] = at;
    await send(port, record(damaged));
    await send(port, record(randomBytes(1 + i)));
  }
  await stillServes(t, secure);
});

t.test('one byte a record', async (t) => {
  const secure = await startSecure(t, SERVER);
  const hello = await clientHello();
  const socket = createConnection(secure.port, '127.0.0.1');
  for (const byte of hello) socket.write(record(Buffer.of(byte)));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  t.equal(answer[0], HANDSHAKE, 'a ServerHello');
  socket.destroy();
  await stillServes(t, secure);
});

t.test('a client can’t renegotiate', async (t) => {
  const { port } = await startSecure(t, SERVER);
  const client = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  const output = text(client.stdout);
  const complaints = text(client.stderr);
  client.stdin.write('R\n');
  await once(client, 'exit');
  await output;
  t.match(await complaints, /no renegotiation/);
});

t.test(`${HALF_OPEN} handshakes that stop half way`, { timeout: 120_000 }, async (t) => {
  const secure = await startSecure(
    t,
    SERVER,
    {},
    {
      main: `worker_rlimit_nofile ${HALF_OPEN * 1.3};`,
      // a sixteenth is kept free, if need be by closing who has waited longest
      connections: HALF_OPEN * 1.2,
    },
  );
  const hello = record(await clientHello());
  const sockets: Socket[] = [];
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
  });
  let lost = 0;
  while (sockets.length < HALF_OPEN) {
    const batch = Array.from({ length: 250 }, () => createConnection(secure.port, '127.0.0.1'));
    sockets.push(...batch);
    await Promise.all(batch.map((socket) => once(socket, 'connect')));
    for (const socket of batch) {
      socket.on('error', () => undefined).on('close', () => lost++);
      socket.write(hello.subarray(0, 1 + (sockets.length % (hello.length - 1))));
    }
  }
  await stillServes(t, secure);
  t.equal(lost, 0, 'none was given up');
  for (const socket of sockets) socket.destroy();
  await eventually('all to be gone', () => lost === HALF_OPEN, 30_000);
  await stillServes(t, secure);
});
