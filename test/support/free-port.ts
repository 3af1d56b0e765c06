import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const ADDRESS = '127.0.0.1';
/** Below those that Linux gives to clients, of which there are thousands in some tests. */
const FIRST = 10_000;
const LAST = 32_767;

/** A port that nobody has on 127.0.0.1 now, of TCP nor of UDP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST + 1);
    if ((await isFreeForStreams(port)) && (await isFreeForDatagrams(port))) return port;
  }
}

export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

async function isFreeForStreams(port: number): Promise<boolean> {
  const server = createServer().listen(port, ADDRESS);
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}

async function isFreeForDatagrams(port: number): Promise<boolean> {
  const socket = createSocket('udp4').bind(port, ADDRESS);
  const free = await once(socket, 'listening').then(
    () => true,
    () => false,
  );
  await new Promise<void>((resolve) => void socket.close(resolve));
  return free;
}
