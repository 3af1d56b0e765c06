/** ngtcp2's client, a process for each connection. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Cleanup } from '../support/sluice.ts';

const LIMIT_MS = 30_000;

export interface Outcome {
  /** All that the client says, packets and frames too. */
  readonly log: string;
  /** Of each response, in the order in which heads came. */
  readonly statuses: readonly number[];
  /** Fields of the responses, `name: value`. */
  readonly fields: readonly string[];
  /** Bodies that were saved, by file name. */
  readonly bodies: ReadonlyMap<string, Buffer>;
  readonly exitCode: number;
}

/** Further arguments as gtlsclient(1) has them. */
export interface ClientOptions {
  readonly args?: readonly string[];
  readonly host?: string;
  /** How the connection ends: with the last stream, unless said. */
  readonly stays?: boolean;
  /** Milliseconds after which the client is ended. */
  readonly limit?: number;
}

export class GtlsClient {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-quic-'));

  constructor(t: Cleanup) {
    t.teardown(() => rmSync(this.folder, { recursive: true, force: true }));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Arguments to keep the session for 0-RTT, and to use it if it is there. */
  get resuming(): readonly string[] {
    return [`--session-file=${this.path('session')}`, `--tp-file=${this.path('parameters')}`];
  }

  /** GETs of paths over one connection. */
  get(port: number, paths: readonly string[], options: ClientOptions = {}): Promise<Outcome> {
    const { args = [], host = '127.0.0.1', stays = false, limit = LIMIT_MS } = options;
    const downloads = mkdtempSync(join(this.folder, 'download-'));
    const words = [
      '--no-quic-dump',
      '--no-http-dump',
      `--download=${downloads}`,
      ...(stays ? [] : ['--exit-on-all-streams-close']),
      ...args,
      host,
      String(port),
      ...paths.map((path) => `https://localhost${path}`),
    ];
    return new Promise((resolve) => {
      const settings = { timeout: limit, maxBuffer: 1 << 30, encoding: 'latin1' } as const;
      execFile('gtlsclient', words, settings, (error, stdout, stderr) => {
        const log = stdout + stderr;
        const bodies = new Map<string, Buffer>();
        for (const path of paths) {
          const file = basename(path) || 'index.html';
          const full = join(downloads, file);
          if (existsSync(full)) bodies.set(file, readFileSync(full));
        }
        rmSync(downloads, { recursive: true, force: true });
        resolve({
          log,
          bodies,
          statuses: [...log.matchAll(/\[:status: (\d+)\]/g)].map(([, status]) => Number(status)),
          fields: [...log.matchAll(/^http: stream \S+ \[([^:].*)\]$/gm)].map(([, field]) => field ?? ''),
          exitCode: typeof error?.code === 'number' ? error.code : error ? 1 : 0,
        });
      });
    });
  }
}

export function digest(bytes: Uint8Array | undefined): string {
  return bytes ? createHash('sha256').update(bytes).digest('hex') : 'nothing';
}
