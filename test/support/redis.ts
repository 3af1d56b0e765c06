/** A redis-server of its own for a test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { eventually } from './eventually.ts';
import { freePort, freePorts } from './free-port.ts';
import type { Cleanup } from './sluice.ts';

export class RedisServer {
  #port = 0;
  readonly #directory: string;
  readonly #arguments: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(words: readonly string[]) {
    this.#arguments = words;
    this.#directory = mkdtempSync(join(tmpdir(), 'redis-'));
  }

  get port(): number {
    return this.#port;
  }

  /** `words`: further settings, as on its command line; `PORT` in them is its port, `ANOTHER` some other free one. */
  static async start(t: Cleanup, ...words: string[]): Promise<RedisServer> {
    const tls = words.includes('--tls-port');
    const common = ['--save', '', '--appendonly', 'no', '--port', tls ? '0' : 'PORT'];
    const server = new RedisServer(['--bind', '127.0.0.1', ...common, ...words]);
    server.#endWith(t);
    await server.#startAnywhere();
    return server;
  }

  /** A sentinel that knows the server at `port` by a name. */
  static async startSentinel(t: Cleanup, master: string, port: number): Promise<RedisServer> {
    const file = 'sentinel.conf';
    const server = new RedisServer([file, '--sentinel', '--bind', '127.0.0.1', '--port', 'PORT']);
    server.#endWith(t);
    // it writes into its file what it learns
    writeFileSync(join(server.#directory, file), `sentinel monitor ${master} 127.0.0.1 ${port} 1\n`);
    await server.#startAnywhere();
    return server;
  }

  #endWith(t: Cleanup): void {
    t.teardown(async () => {
      await this.kill();
      rmSync(this.#directory, { recursive: true, force: true });
    });
  }

  /** Where it was before. */
  async start(): Promise<void> {
    if (!(await this.#comesUp(await freePort()))) throw new Error('redis-server has ended');
  }

  /** A port that was free may be somebody else's by the time it is bound: then another one. */
  async #startAnywhere(): Promise<void> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const [port, another] = await freePorts(2);
      this.#port = port ?? 0;
      if (await this.#comesUp(another ?? 0)) return;
    }
    throw new Error('redis-server does not start');
  }

  /** False: it has ended at once. */
  async #comesUp(another: number): Promise<boolean> {
    const words = this.#arguments.map((word) =>
      word.replaceAll('PORT', String(this.#port)).replaceAll('ANOTHER', String(another)),
    );
    const child = spawn('redis-server', words, { cwd: this.#directory, stdio: 'ignore' });
    this.#child = child;
    const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
    await eventually('redis-server', async () => ended() || (await answers(this.#port)));
    return !ended();
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await eventually('redis-server to go', () => child.exitCode !== null || child.signalCode !== null);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** A client of the test's own. */
  async with<T>(use: (client: Redis) => Promise<T>): Promise<T> {
    const client = new Redis({ port: this.port, host: '127.0.0.1', retryStrategy: null });
    try {
      return await use(client);
    } finally {
      client.disconnect();
    }
  }
}

/** Whether somebody listens. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
