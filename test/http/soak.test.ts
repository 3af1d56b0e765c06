/** Everything at once, for a while, with clients and origins that break off at random: nothing may be lost or left over. */
import { readdirSync, readlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import type { Cleanup } from '../support/sluice.ts';
import { proxyTo } from './proxying.ts';

/** SOAK_SECONDS makes it longer. */
const SECONDS = Number(process.env.SOAK_SECONDS ?? 6);
const CLIENTS = 24;
const LARGE = 300_000;

/** A little generator, so that a seed that fails fails again (mulberry32). */
const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1_000_000);
let state = seed;
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let z = Math.imul(state ^ (state >>> 15), state | 1);
  z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
  return ((z ^ (z >>> 14)) >>> 0) % below;
}
const pick = <T>(...choices: readonly T[]): T => choices[random(choices.length)]!;

const body = (path: string): string =>
  path.repeat(Math.ceil((path.includes('large') ? LARGE : 10) / path.length));

/** Answers with what the path asks for, at times just half of it, at times before it has all of the request. */
function respond(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '/';
  const text = body(path);
  const dies = path.includes('dies') || random(30) === 0;
  const answer = (): void => {
    if (!path.includes('chunked')) response.setHeader('Content-Length', text.length);
    if (!dies) {
      response.end(text);
    } else if (random(2)) {
      response.write(text.slice(0, 1 + random(text.length - 1)), () => request.socket.destroy());
    } else {
      request.socket.resetAndDestroy();
    }
  };
  request.on('error', () => undefined);
  request.resume();
  if (random(20) === 0) answer();
  else request.on('end', () => (random(4) === 0 ? setTimeout(answer, random(30)) : answer()));
}

async function startRandomOrigin(t: Cleanup): Promise<number> {
  const server = createServer({ keepAliveTimeout: 300 }, respond);
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

interface Counts {
  answered: number;
  wrong: string[];
}

/** One connection's life: some requests, read or not read, and an end. */
async function visit(port: number, counts: Counts): Promise<void> {
  const client = new RawClient(port);
  client.socket.on('error', () => undefined);
  try {
    for (let left = 1 + random(8); left > 0; left--) {
      const method = pick('GET', 'GET', 'GET', 'HEAD', 'POST', 'POST');
      const path = `${pick('/', '/unbuffered/', '/file/', '/retried/')}${pick('small', 'large', 'chunked', 'large-chunked', 'dies')}`;
      const sent = method === 'POST' ? 'b'.repeat(random(2) ? 10 : random(LARGE)) : '';
      const framed =
        method !== 'POST'
          ? ''
          : random(2)
            ? `Content-Length: ${sent.length}\r\n`
            : 'Transfer-Encoding: chunked\r\n';
      const bytes = framed.startsWith('T')
        ? `${sent.length ? `${sent.length.toString(16)}\r\n${sent}\r\n` : ''}0\r\n\r\n`
        : sent;
      const request = `${method} ${path} HTTP/1.1\r\nHost: a\r\n${framed}\r\n${bytes}`;
      const abort = random(12);
      if (abort === 0) {
        client.send(request.slice(0, random(request.length)));
        return;
      }
      if (random(5) === 0) {
        const half = random(request.length);
        client.send(request.slice(0, half));
        await sleep(random(10));
        client.send(request.slice(half));
      } else {
        client.send(request);
      }
      if (abort === 1) {
        await sleep(random(10));
        if (random(2)) client.socket.resetAndDestroy();
        return;
      }
      if (random(6) === 0) {
        client.socket.pause();
        setTimeout(() => client.socket.resume(), random(100));
      }
      const answer = await client.response({ head: method === 'HEAD', milliseconds: 15_000 });
      counts.answered++;
      if (answer.status !== 200 && answer.status !== 502)
        counts.wrong.push(`${method} ${path}: ${answer.statusLine}`);
      if (answer.status === 200 && method !== 'HEAD' && answer.body !== body(path))
        counts.wrong.push(`${method} ${path}: another body of ${answer.body.length}`);
    }
  } catch (error) {
    // What an origin has broken off is broken off here; what never ends is a fault.
    if (/not within/.test(String(error))) counts.wrong.push(String(error).slice(0, 200));
  } finally {
    client.close();
  }
}

function sockets(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

t.test(`mixed traffic for ${SECONDS} s, seed ${seed}`, async (t) => {
  t.setTimeout((SECONDS + 60) * 1000);
  const origins = [await startRandomOrigin(t), await startRandomOrigin(t)];
  const { sluice, port, exchange } = await proxyTo(t, origins, {
    peer: 'max_fails=0',
    upstream: 'keepalive 8; keepalive_timeout 500ms;',
    server: `client_max_body_size 0; client_body_buffer_size 16k; lingering_timeout 200ms; keepalive_timeout 1s;
      location /unbuffered { proxy_buffering off; proxy_request_buffering off; proxy_pass http://origins; }
      location /file { proxy_buffers 2 4k; proxy_busy_buffers_size 4k; proxy_buffer_size 4k; proxy_pass http://origins; }
      location /retried { proxy_next_upstream error timeout non_idempotent; proxy_pass http://origins; }`,
  });
  const [worker] = sluice.workers();
  const before = sockets(worker!);
  const counts: Counts = { answered: 0, wrong: [] };
  const end = Date.now() + SECONDS * 1000;
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (Date.now() < end && counts.wrong.length < 10) await visit(port, counts);
    }),
  );
  t.same(counts.wrong, [], 'every answer is whole, or seen to be broken off');
  t.ok(counts.answered > SECONDS * 20, `${counts.answered} answers`);
  t.same(sluice.workers(), [worker], 'the worker has lived through it');
  t.notMatch(sluice.errorLog(), /\[alert\]|\[emerg\]|exited on/);
  t.equal(
    (await exchange('GET /health HTTP/1.1\r\nHost: a\r\n\r\n').catch(() => ({ status: 502 }))).status < 503,
    true,
  );
  await eventually('all connections to be closed', () => sockets(worker!) <= before, 10_000);
  t.equal(sockets(worker!), before, 'no connection is left');
});
