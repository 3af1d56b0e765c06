/** src/fstack-binding as another program uses it, over the test double: 10.0.0.2 in F-Stack is 127.0.0.2 for clients. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { Fstack, type ListenOptions, type TcpConnection } from '../../src/fstack-binding/index.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { buildDouble, FSTACK_HOST, ini } from './double.ts';

const MIB = 1024 * 1024;
const library = buildDouble();
process.env.SLUICE_FSTACK = library;
const conf = join(tmpdir(), `sluice-raw-sockets-${process.pid}.conf`);
writeFileSync(conf, ini());
const stack = await Fstack.start({ conf, idleSleep: 500 });
t.teardown(async () => {
  await stack.close();
  rmSync(conf);
  rmSync(library);
});

interface Cleanup {
  teardown(step: () => void): unknown;
}

/** Listens on a free port; `serve` gets what comes. */
async function listen(
  t: Cleanup,
  serve: (connection: TcpConnection) => void,
  options: Omit<ListenOptions, 'port'> = {},
): Promise<number> {
  const port = await freePort();
  const listener = await stack.listenTcp({ ...options, port }, serve);
  t.teardown(() => listener.close());
  return port;
}

async function client(t: Cleanup, port: number): Promise<Socket> {
  const socket = connect({ port, host: FSTACK_HOST, allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** The first connection of a listener and its client. */
async function pair(
  t: Cleanup,
  options: Omit<ListenOptions, 'port'> = {},
): Promise<{ readonly ours: TcpConnection; readonly theirs: Socket }> {
  const came = Promise.withResolvers<TcpConnection>();
  const port = await listen(t, came.resolve, options);
  const theirs = await client(t, port);
  const ours = await came.promise;
  t.teardown(() => ours.destroy());
  return { ours, theirs };
}

const echo = (connection: TcpConnection): void => {
  connection.pipe(connection);
};

/** All that comes, until its end; the other direction stays as it is. */
async function buffer(stream: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  stream.on('data', (piece) => pieces.push(piece)).resume();
  await once(stream, 'end');
  return Buffer.concat(pieces);
}

/** No byte like its neighbours. */
const noise = (size: number): Buffer =>
  Buffer.from(Uint32Array.from({ length: size / 4 }, (_, i) => i * 2654435761).buffer);

async function failure(stream: Socket | TcpConnection): Promise<NodeJS.ErrnoException> {
  const [error] = await once(stream, 'error');
  return error;
}

t.test('a MiB goes both ways, and both ends know each other', async (t) => {
  const { ours, theirs } = await pair(t, { allowHalfOpen: true });
  echo(ours);
  t.equal(ours.remoteAddress, '10.0.0.1');
  t.equal(ours.remotePort, theirs.localPort);
  t.equal(ours.remoteFamily, 'IPv4');
  t.equal(ours.localAddress, '10.0.0.2');
  t.equal(ours.localPort, theirs.remotePort);
  const content = noise(MIB);
  theirs.end(content);
  t.ok((await buffer(theirs)).equals(content));
  t.equal(ours.bytesRead, MIB);
  await eventually('the last bytes to be counted', () => ours.bytesWritten === MIB);
});

t.test('many connections are served at once', async (t) => {
  const port = await listen(t, echo, { allowHalfOpen: true });
  const before = stack.stats();
  const clients = await Promise.all(Array.from({ length: 300 }, () => client(t, port)));
  const answers = await Promise.all(
    clients.map((socket, i) => {
      socket.end(`number ${i}`);
      return buffer(socket);
    }),
  );
  t.ok(answers.every((answer, i) => answer.toString() === `number ${i}`));
  t.equal(stack.stats().accepted - before.accepted, 300);
});

t.test('connections are opened, too', async (t) => {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(
    0,
    '127.0.0.1',
  );
  t.teardown(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const connection = await stack.connectTcp({ address: '10.0.0.1', port, allowHalfOpen: true });
  t.equal(connection.remoteAddress, '10.0.0.1');
  t.equal(connection.remotePort, port);
  const content = noise(MIB);
  connection.end(content);
  t.ok((await buffer(connection)).equals(content));
});

t.test('a client that does not read stops who writes to it', async (t) => {
  const { ours, theirs } = await pair(t);
  theirs.pause();
  const piece = noise(64 * 1024);
  let written = 0;
  const write = (): void => {
    do written += piece.length;
    while (ours.write(piece) && written < 64 * MIB);
  };
  ours.on('drain', write);
  write();
  await eventually('everything on the way to be full', async () => {
    const before = written;
    await sleep(200);
    return before === written;
  });
  t.ok(ours.writableNeedDrain);
  t.ok(written < 64 * MIB);
  t.ok(written - ours.bytesWritten < MIB, 'little waits here');
  ours.off('drain', write);
  ours.end();
  t.equal((await buffer(theirs)).length, written, 'when it reads it gets everything');
});

t.test('a server that does not read stops its client', async (t) => {
  const { ours, theirs } = await pair(t, { highWaterMark: 16 * 1024 });
  const total = 32 * MIB;
  const content = noise(total);
  theirs.end(content);
  await eventually('all windows to be full', async () => {
    const { bytesReceived } = stack.stats();
    await sleep(100);
    return bytesReceived === stack.stats().bytesReceived;
  });
  t.ok(ours.bytesRead <= 48 * 1024, `${ours.bytesRead} bytes were read`);
  t.ok((await buffer(ours)).equals(content), 'when it reads everything comes');
});

t.test('the end of one direction is not that of the other', async (t) => {
  const { ours, theirs } = await pair(t, { allowHalfOpen: true });
  theirs.end('question');
  t.equal((await buffer(ours)).toString(), 'question');
  ours.write('an ');
  ours.end('answer');
  t.equal((await buffer(theirs)).toString(), 'an answer');
  await eventually('it to be gone', () => ours.destroyed);
});

t.test('unless one side may be open alone, both end together', async (t) => {
  const { ours, theirs } = await pair(t);
  theirs.end('question');
  t.equal((await buffer(ours)).toString(), 'question');
  t.equal((await buffer(theirs)).toString(), '');
  await eventually('it to be gone', () => ours.destroyed);
});

t.test('a reset is ECONNRESET, on either side', async (t) => {
  const first = await pair(t);
  const heard = failure(first.ours);
  first.theirs.resetAndDestroy();
  const error = await heard;
  t.match(error, { code: 'ECONNRESET', errno: -104, syscall: 'read', address: '10.0.0.1' });
  t.ok(first.ours.destroyed);

  const second = await pair(t);
  const told = failure(second.theirs);
  second.ours.resetAndDestroy();
  t.equal((await told).code, 'ECONNRESET');
});

t.test('an idle connection is reset, and both sides hear why', async (t) => {
  const { ours, theirs } = await pair(t, { idleTimeout: 200 });
  theirs.on('error', () => undefined);
  const heard = failure(ours);
  theirs.write('still here');
  t.equal((await heard).code, 'ETIMEDOUT');
  await eventually('the client to hear', () => theirs.errored);
  t.match(theirs.errored, { code: 'ECONNRESET' });
});

t.test('what cannot be opened says why', async (t) => {
  const free = await freePort();
  await t.rejects(stack.connectTcp({ address: '10.0.0.1', port: free }), {
    code: 'ECONNREFUSED',
    syscall: 'connect',
    address: '10.0.0.1',
    port: free,
    message: `connect ECONNREFUSED: connection refused 10.0.0.1:${free}`,
  });
  const taken = await listen(t, echo);
  await t.rejects(stack.listenTcp({ address: '10.0.0.2', port: taken }, echo), { code: 'EADDRINUSE' });
  const nobodys = { address: '192.0.2.1', port: free };
  await t.rejects(stack.listenTcp(nobodys, echo), { code: 'EADDRNOTAVAIL', syscall: 'listen' });
  await t.rejects(stack.bindUdp(nobodys), { code: 'EADDRNOTAVAIL', syscall: 'bind' });
  await t.rejects(stack.connectTcp({ address: 'localhost', port: 80 }), /"localhost" is no IP address/);
  await t.rejects(stack.listenTcp({ port: 0 }, echo), RangeError);
  await t.rejects(stack.listenTcp({ port: free, highWaterMark: 0 }, echo), /highWaterMark 0/);
});

t.test('a listener that closes leaves its connections alone', async (t) => {
  const port = await freePort();
  const listener = await stack.listenTcp({ port, allowHalfOpen: true }, echo);
  const socket = await client(t, port);
  socket.write('a');
  await once(socket, 'data');
  listener.close();
  await eventually('the port to be free', async () => {
    const other = connect({ port, host: FSTACK_HOST });
    const refused = await Promise.race([failure(other), once(other, 'connect').then(() => undefined)]);
    other.destroy();
    return refused?.code === 'ECONNREFUSED';
  });
  socket.end('b');
  t.equal((await buffer(socket)).toString(), 'b');
});

t.test('more connections than allowed wait for others to end', async (t) => {
  const served: TcpConnection[] = [];
  const port = await listen(t, (connection) => served.push(connection.resume()), { maxConnections: 2 });
  const clients = await Promise.all([client(t, port), client(t, port), client(t, port)]);
  await eventually('two to be served', () => served.length === 2);
  const third = clients.find(({ localPort }) => !served.some(({ remotePort }) => remotePort === localPort));
  third?.write('now?');
  await sleep(100);
  t.equal(served.length, 2);
  served[0]?.destroy();
  await eventually('the third', () => served.length === 3);
  t.equal(served[2]?.remotePort, third?.localPort);
});

t.test('what is written before end() arrives, whatever its size', async (t) => {
  const content = noise(4 * MIB);
  const port = await listen(t, (connection) => connection.resume().end(content));
  const answers = await Promise.all(Array.from({ length: 8 }, async () => buffer(await client(t, port))));
  t.ok(answers.every((answer) => answer.equals(content)));
});

t.test('datagrams come and go, with their addresses', async (t) => {
  const port = await freePort();
  const udp = await stack.bindUdp({ port });
  t.teardown(() => udp.close());
  udp.on('message', (bytes, from) => udp.send(`${from.address} says ${bytes}`, from));
  const names = ['one', 'two', 'three'];
  const answers = names.map(async (name) => {
    const socket = createSocket('udp4');
    t.teardown(() => socket.close());
    socket.send(name, port, FSTACK_HOST);
    const [answer, from] = await once(socket, 'message');
    t.equal(from.port, port);
    return String(answer);
  });
  t.strictSame(
    await Promise.all(answers),
    names.map((name) => `10.0.0.1 says ${name}`),
  );
  t.equal(udp.dropped, 0);
});

t.test('the queue of datagrams is bounded, and what it has no room for is counted', async (t) => {
  const port = await freePort();
  const udp = await stack.bindUdp({ port, receiveQueue: 4000 });
  t.teardown(() => udp.close());
  const sizes: number[] = [];
  udp.on('message', (bytes) => sizes.push(bytes.length));
  const before = stack.stats();
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  socket.send(Buffer.alloc(8000), port, FSTACK_HOST);
  await eventually('the long one to be dropped', () => udp.dropped === 1);
  socket.send(Buffer.alloc(800), port, FSTACK_HOST);
  await eventually('the short one', () => sizes.length === 1);
  t.strictSame(sizes, [800]);
  const now = stack.stats();
  t.equal(now.datagramsReceived - before.datagramsReceived, 2);
  t.equal(now.datagramsDropped - before.datagramsDropped, 1);
});

t.test('what cannot be sent is refused, or counted', async (t) => {
  const udp = await stack.bindUdp({ port: await freePort() });
  const peer = { address: '10.0.0.1', port: 9 };
  t.throws(() => udp.send(Buffer.alloc(65_508), peer), RangeError);
  t.throws(() => udp.send('', peer), RangeError);
  t.throws(() => udp.send('x', { address: '::1', port: 9 }), /another family/);
  const before = stack.stats().datagramsRefused;
  udp.send('x', { address: '255.255.255.255', port: 9 });
  await eventually('the count', () => stack.stats().datagramsRefused === before + 1);
  udp.close();
  await once(udp, 'close');
  t.throws(() => udp.send('x', peer), /closed/);
});

t.test('a connection that has ended leaves nothing behind', async (t) => {
  setFlagsFromString('--expose_gc');
  const collect: () => void = runInNewContext('gc');
  const gone: WeakRef<TcpConnection>[] = [];
  const port = await listen(t, (connection) => {
    gone.push(new WeakRef(connection));
    connection.resume().end('bye');
  });
  for (let i = 0; i < 20; i++) {
    const socket = await client(t, port);
    await buffer(socket);
    socket.destroy();
  }
  await eventually('them to be collected', () => {
    collect();
    return gone.length === 20 && gone.every((each) => each.deref() === undefined);
  });
  t.equal(stack.stats().connections, 0);
});

t.test('there is one stack in a process, and after its end none', async (t) => {
  await t.rejects(Fstack.start({ conf }), {
    code: 'ERR_FSTACK_STARTED',
    message:
      'F-Stack was started in this process before, which can be once: another stack needs another process',
  });
  const { ours, theirs } = await pair(t);
  ours.write('last words');
  await eventually('them to leave', () => ours.bytesWritten > 0);
  await stack.close();
  t.equal((await buffer(theirs)).toString(), 'last words');
  t.ok(ours.destroyed);
  await t.rejects(stack.listenTcp({ port: 80 }, echo), { code: 'ERR_FSTACK_CLOSED' });
  await t.rejects(stack.connectTcp({ address: '10.0.0.1', port: 80 }), { code: 'ERR_FSTACK_CLOSED' });
  t.throws(() => stack.stats(), { code: 'ERR_FSTACK_CLOSED' });
  await t.rejects(Fstack.start({ conf }), { code: 'ERR_FSTACK_STARTED' });
  await stack.close();
});
