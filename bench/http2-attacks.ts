/**
 * What frames of attackers cost: `node bench/http2-attacks.ts`. Each attack is tried on Sluice and on nginx, in clear text: in
 * portions that no limit of Sluice stops, for the CPU time of a frame, and at full length, for what a connection gets done.
 */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { PREFACE, PRIORITY_UPDATE, request } from '../test/http2/frame-client.ts';
import { freePort } from '../test/support/free-port.ts';
import { PROGRAM, Sluice } from '../test/support/sluice.ts';
import { END_HEADERS, fields, frame, number, TYPE } from '../test/upstream/h2-origin.ts';

interface Attack {
  /** Frames of a connection that stays below the limits. */
  readonly portion: number;
  /** What comes before them. */
  readonly opening?: Buffer;
  readonly settings?: Buffer;
  frames(index: number): Buffer;
}

const FULL = 20_000;
/** A request whose body is awaited. */
const OPEN = request(1, '/body', [], END_HEADERS);
const NO_WINDOW = Buffer.from([0, 4, 0, 0, 0, 0]);
/** RFC 7541: a field of 4000 bytes goes into the table, and is named a thousand times, a byte each. */
const BOMB = Buffer.concat([
  Buffer.from([0x82, 0x86, 0x84, 0x41, 1, 0x78, 0x40, 1, 0x78, 127, 0xa1, 0x1e]),
  Buffer.alloc(4000, 'b'),
  Buffer.alloc(1000, 0xbf),
]);

const ATTACKS: Record<string, Attack> = {
  nothing: { portion: 0, frames: () => Buffer.alloc(0) },
  'requests, to compare': { portion: 100, frames: (i) => request(2 * i + 1) },
  'rapid reset': {
    portion: 200,
    frames: (i) => Buffer.concat([request(2 * i + 1, '/body'), frame(TYPE.reset, 0, 2 * i + 1, number(8))]),
  },
  CONTINUATION: {
    portion: 60,
    opening: frame(TYPE.headers, 0, 1, fields([':method', 'GET'])),
    frames: () => frame(TYPE.continuation, 0, 1, fields(['x', 'y'])),
  },
  SETTINGS: { portion: 1000, frames: () => frame(TYPE.settings, 0, 0, NO_WINDOW) },
  PING: { portion: 1000, frames: () => frame(TYPE.ping, 0, 0, Buffer.alloc(8)) },
  'empty DATA': { portion: 1000, opening: OPEN, frames: () => frame(TYPE.data, 0, 1) },
  'WINDOW_UPDATE of 1': { portion: 1000, frames: () => frame(TYPE.window, 0, 0, number(1)) },
  'a response byte by byte': {
    portion: 1000,
    settings: NO_WINDOW,
    opening: request(1, '/large'),
    frames: () => frame(TYPE.window, 0, 1, number(1)),
  },
  'responses to a closed window': {
    portion: 100,
    settings: NO_WINDOW,
    frames: (i) => request(2 * i + 1, '/large'),
  },
  PRIORITY: {
    portion: 1000,
    frames: (i) => frame(2, 0, 2 * i + 1, Buffer.from([0, 0, 0, 0, 16])),
  },
  PRIORITY_UPDATE: {
    portion: 1000,
    frames: (i) => frame(PRIORITY_UPDATE, 0, 0, Buffer.concat([number(2 * i + 101), Buffer.from('u=0')])),
  },
  'HPACK bomb': { portion: 1, frames: (i) => frame(TYPE.headers, END_HEADERS | 1, 2 * i + 1, BOMB) },
};

const MARK = Buffer.from('\x01the end');
const LIMIT_MS = 20_000;

/** One connection that sends so many frames; resolves with the code of a GOAWAY, or undefined when all were taken. */
async function attack(
  port: number,
  { settings, opening, frames }: Attack,
  count: number,
): Promise<number | undefined> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  const pieces = [PREFACE, frame(TYPE.settings, 0, 0, settings), opening ?? Buffer.alloc(0)];
  for (let i = 0; i < count; i++) pieces.push(frames(i));
  pieces.push(frame(TYPE.ping, 0, 0, MARK));
  socket.write(Buffer.concat(pieces));
  let input: Buffer = Buffer.alloc(0);
  let code: number | undefined;
  const timer = setTimeout(() => socket.destroy(), LIMIT_MS);
  socket.on('data', (data: Buffer) => {
    input = Buffer.concat([input, data]);
    while (input.length >= 9) {
      const size = 9 + input.readUIntBE(0, 3);
      if (input.length < size) break;
      if (input[3] === TYPE.goaway) code = input.readUInt32BE(13);
      if (input[3] === TYPE.ping && input.subarray(9, size).equals(MARK)) socket.destroy();
      input = input.subarray(size);
    }
  });
  await once(socket, 'close');
  clearTimeout(timer);
  return code;
}

/** CPU time of a server's workers, in microseconds (proc(5)). */
function cpu(server: Sluice): number {
  let nanoseconds = 0;
  for (const pid of server.workers()) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]);
    }
  }
  return nanoseconds / 1000;
}

const NAMES: Record<number, string> = { 0: 'no error', 1: 'PROTOCOL_ERROR', 11: 'ENHANCE_YOUR_CALM' };
const CONNECTIONS = 40;

async function measure(program: string): Promise<Map<string, readonly string[]>> {
  const port = await freePort();
  const server = new Sluice({
    program,
    config: `events { worker_connections 1000; }
http { access_log off; error_log quiet.log crit; keepalive_requests 1000000;
  server { listen 127.0.0.1:${port} http2;
    location / { return 200 ok; }
    location /body { proxy_pass http://127.0.0.1:1; }
    location = /large { root .; try_files /large =404; } } }`,
    files: { large: Buffer.alloc(100_000, 'x') },
  });
  const figures = new Map<string, readonly string[]>();
  try {
    await server.start();
    let connecting = 0;
    for (const [name, each] of Object.entries(ATTACKS)) {
      await attack(port, each, each.portion);
      let before = cpu(server);
      for (let i = 0; i < CONNECTIONS; i++) await attack(port, each, each.portion);
      const connection = (cpu(server) - before) / CONNECTIONS;
      if (each.portion === 0) connecting = connection;
      before = cpu(server);
      const code = await attack(port, each, FULL);
      const whole = (cpu(server) - before) / 1000;
      const frame = (connection - connecting) / Math.max(1, each.portion);
      figures.set(name, [
        frame.toFixed(2),
        whole.toFixed(1),
        code === undefined ? 'goes on' : (NAMES[code] ?? `error ${code}`),
      ]);
    }
  } finally {
    await server.remove();
  }
  return figures;
}

const ours = await measure(PROGRAM);
const theirs = await measure(process.env.NGINX ?? '/usr/sbin/nginx');
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
process.stdout.write(
  row([
    'attack',
    'Sluice: µs a frame',
    `ms for ${FULL} frames`,
    'outcome',
    'nginx: µs a frame',
    `ms for ${FULL}`,
    'outcome',
  ]) + row(Array.from({ length: 7 }, () => '---')),
);
for (const [name, figures] of ours) {
  if (name !== 'nothing') process.stdout.write(row([name, ...figures, ...(theirs.get(name) ?? [])]));
}
