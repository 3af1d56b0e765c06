/** WebSocket and the like: after a 101, octets go both ways until one side ends. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { startOrigin } from '../support/origin.ts';
import { proxyTo } from './proxying.ts';

const UPGRADE = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';
const location = 'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;';

t.test('an echo, with what each side said too early', async (t) => {
  const origin = await startOrigin(t, ({ socket, rest }) => {
    socket.write(`${SWITCHING}early `);
    socket.write(rest);
    socket.removeAllListeners('data');
    socket.on('data', (data) => socket.write(data));
  });
  const { client } = await proxyTo(t, [origin], { location });
  const made = client().send(`${UPGRADE}hello `);
  const { status, headers } = await made.response();
  t.equal(status, 101);
  t.same(headers.get('upgrade'), ['echo']);
  await eventually('both', () => made.received === 'early hello ');
  const large = 'x'.repeat(5_000_000);
  made.send(large);
  await eventually('the echo', () => made.received.length === 12 + large.length, 10_000);
});

t.test('a side that does not read makes the other wait, and loses nothing', async (t) => {
  const total = 60_000_000;
  let received = 0;
  let flood = 0;
  let resume = (): void => undefined;
  const origin = await startOrigin(t, ({ socket, head }) => {
    socket.write(SWITCHING);
    socket.removeAllListeners('data');
    if (head.includes('/up')) {
      socket.pause();
      resume = () => socket.resume();
      socket.on('data', (data) => {
        received += data.length;
      });
    } else {
      const chunk = Buffer.alloc(1_000_000, 'x');
      const more = (): void => {
        while (flood < total) {
          flood += chunk.length;
          if (!socket.write(chunk)) return;
        }
        socket.end();
      };
      socket.on('drain', more);
      more();
    }
  });
  const { client } = await proxyTo(t, [origin], { location });
  const up = client().send(UPGRADE.replace('/', '/up'));
  await up.response();
  const chunk = Buffer.alloc(1_000_000, 'x');
  let sent = 0;
  const pump = (): void => {
    while (sent < total) {
      sent += chunk.length;
      if (!up.socket.write(chunk)) return;
    }
    up.socket.end();
  };
  up.socket.on('drain', pump);
  pump();

  const down = client().send(UPGRADE);
  await down.response();
  down.socket.pause();
  await new Promise((resolve) => setTimeout(resolve, 500));
  t.ok(sent < total, `the client has to wait (${sent / 1e6} MB)`);
  t.ok(flood < total, `the upstream has to wait (${flood / 1e6} MB)`);
  resume();
  down.socket.resume();
  t.equal((await down.end(15_000)).length, total, 'all of it, then the end');
  await eventually('all that the client has sent before it ended', () => received === total, 15_000);
});

/** Octets on their way to a port of 127.0.0.1, in the queues of both sockets: proc_net_tcp. */
function underWay(port: number): number {
  const end = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  let sum = 0;
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
    if (!line.includes(end)) continue;
    const [, local, remote, , queues] = line.trim().split(/\s+/);
    const [toSend, toRead] = (queues ?? ':').split(':').map((hex) => Number.parseInt(hex, 16));
    if (remote === end) sum += toSend!;
    if (local === end) sum += toRead!;
  }
  return sum;
}

t.test(
  'what a client has sent before its end still arrives when the upstream’s socket is full',
  async (t) => {
    let received = 0;
    let upstream: Socket | undefined;
    const origin = await startOrigin(t, ({ socket }) => {
      upstream = socket;
      socket.write(SWITCHING);
      socket.removeAllListeners('data');
      socket.pause();
      socket.on('data', (data) => {
        received += data.length;
      });
    });
    const { client } = await proxyTo(t, [origin], { location });
    const made = client().send(UPGRADE);
    await made.response();
    // Less than blocks the client: it ends while some of it waits in the proxy. Looking takes long, so most goes unseen.
    const piece = 'x'.repeat(50_000);
    const most = 0.75 * Number(readFileSync('/proc/sys/net/ipv4/tcp_wmem', 'latin1').split('\t')[2]);
    let sent = 0;
    const arrives = (): boolean => sent < most || underWay(origin.port) + upstream!.readableLength >= sent;
    do {
      made.send(piece);
      sent += piece.length;
      await new Promise((resolve) => setTimeout(resolve, 5));
    } while (await eventually('the piece', arrives, 300).catch(() => false));
    made.socket.end();
    await new Promise((resolve) => setTimeout(resolve, 100));
    upstream!.resume();
    await eventually('all of it', () => received === sent, 3000).catch(() => undefined);
    t.equal(received, sent);
  },
);

t.test('either side’s end is the tunnel’s; proxy_read_timeout is for silence', async (t) => {
  const origin = await startOrigin(t, ({ socket, head }) => {
    socket.removeAllListeners('data');
    if (head.includes('/end')) socket.end(`${SWITCHING}bye`);
    else socket.write(SWITCHING);
  });
  const { client, sluice } = await proxyTo(t, [origin], {
    location: `${location} proxy_read_timeout 400ms;`,
  });
  const ended = client().send(UPGRADE.replace('/', '/end'));
  t.equal((await ended.response()).status, 101);
  t.equal(await ended.end(), 'bye');
  const left = client().send(UPGRADE);
  await left.response();
  left.close();
  const count = (): Promise<number> =>
    new Promise((resolve) => origin.server.getConnections((_, connections) => resolve(connections)));
  await eventually('the upstream to be told', async () => (await count()) === 0, 380);
  const silent = client().send(UPGRADE);
  await silent.response();
  for (let i = 0; i < 6; i++) {
    silent.send('.');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.notOk(silent.socket.destroyed || silent.socket.readableEnded, 'who talks may stay');
  t.equal(await silent.end(), '');
  t.equal(sluice.logged(/upstream timed out \(110: .*\) while proxying upgraded connection/), 1);
});

t.test('a 101 that nobody has asked for opens nothing', async (t) => {
  const origin = await startOrigin(t, ({ socket }) => socket.write(`${SWITCHING}secret`));
  const { client } = await proxyTo(t, [origin]);
  const answer = await client().send('GET / HTTP/1.1\r\nHost: a\r\n\r\n').end();
  t.notMatch(answer, /secret/);
});
