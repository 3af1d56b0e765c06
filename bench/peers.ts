/** The servers that are compared, each with one worker. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { freePort } from '../test/support/free-port.ts';
import { output, SERVER_CORE, spawnPinned, stop, until } from './processes.ts';

export interface Peer {
  readonly name: string;
  readonly program: string;
  /** In bench/conf. */
  readonly configuration: string;
  /** Whether it takes part in the rows of HTTP over TCP. */
  readonly overTcp: boolean;
  readonly speaksHttp3: boolean;
  readonly servesFiles: boolean;
  readonly versionArgument: string;
  readonly arguments: (directory: string, configuration: string) => readonly string[];
}

const nginxArguments = (directory: string, configuration: string): string[] => [
  ...['-p', `${directory}/`, '-c', configuration, '-e', join(directory, 'error.log')],
];

export const PEERS: readonly Peer[] = [
  {
    name: 'nginx',
    program: process.env.NGINX ?? '/usr/sbin/nginx',
    configuration: 'nginx.conf',
    overTcp: true,
    speaksHttp3: false,
    servesFiles: true,
    versionArgument: '-v',
    arguments: nginxArguments,
  },
  {
    name: 'Sluice',
    program: process.env.SLUICE_PROGRAM ?? join(import.meta.dirname, '../bin/sluice'),
    configuration: 'nginx.conf',
    overTcp: true,
    speaksHttp3: true,
    servesFiles: true,
    versionArgument: '-v',
    arguments: nginxArguments,
  },
  {
    name: 'HAProxy',
    program: process.env.HAPROXY ?? '/usr/sbin/haproxy',
    configuration: 'haproxy.cfg',
    overTcp: true,
    speaksHttp3: false,
    servesFiles: false,
    versionArgument: '-v',
    arguments: (_, configuration) => ['-db', '-f', configuration],
  },
  {
    name: 'Caddy',
    program: process.env.CADDY ?? '/usr/bin/caddy',
    configuration: 'Caddyfile',
    overTcp: false,
    speaksHttp3: true,
    servesFiles: false,
    versionArgument: 'version',
    arguments: (_, configuration) => ['run', '--config', configuration, '--adapter', 'caddyfile'],
  },
];

/** What the ratios are relative to. */
export const BASELINE = PEERS[0]!;

export interface Surroundings {
  /** For what the servers write. */
  readonly directory: string;
  /** Served under /static/. */
  readonly files: string;
  /** The origin's port. */
  readonly origin: number;
  /** PEM file of an ECDSA P-256 certificate and its key. */
  readonly certificate: string;
}

export class RunningPeer {
  readonly peer: Peer;
  readonly port: number;
  /** Where it speaks TLS, and QUIC. */
  readonly securePort: number;
  readonly #child: ChildProcess;

  constructor(peer: Peer, port: number, securePort: number, child: ChildProcess) {
    this.peer = peer;
    this.port = port;
    this.securePort = securePort;
    this.#child = child;
  }

  /** Of the process that has all others as descendants. */
  get pid(): number {
    return this.#child.pid!;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  secureUrl(path: string): string {
    return `https://127.0.0.1:${this.securePort}${path}`;
  }

  /** By name: Caddy has no certificate for an address. */
  http3Url(path: string): string {
    return `https://localhost:${this.securePort}${path}`;
  }

  stop(): Promise<void> {
    return stop(this.#child);
  }
}

/** Starts a peer of its own; resolves when it answers. */
export async function startPeer(peer: Peer, surroundings: Surroundings): Promise<RunningPeer> {
  const port = await freePort();
  const securePort = await freePort();
  const directory = join(surroundings.directory, `${peer.name.toLowerCase()}-${port}`);
  mkdirSync(directory);
  const configuration = join(directory, peer.configuration);
  writeFileSync(
    configuration,
    filledIn(peer.configuration, {
      directory,
      port: String(port),
      secure: String(securePort),
      quic: peer.speaksHttp3 ? `listen  127.0.0.1:${securePort}  quic;` : '',
      certificate: surroundings.certificate,
      origin: String(surroundings.origin),
      files: surroundings.files,
      user: process.getuid?.() === 0 ? 'user root;' : '',
    }),
  );
  const child = spawnPinned(
    SERVER_CORE,
    peer.program,
    peer.arguments(directory, configuration),
    ['ignore', 'ignore', 'pipe'],
    // Where Caddy keeps what it remembers.
    { ...process.env, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory },
  );
  let complaints = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    complaints += chunk;
  });
  const running = new RunningPeer(peer, port, securePort, child);
  await until(`${peer.name} answers`, () => {
    if (child.exitCode !== null) throw new Error(`${peer.name} ended: ${complaints.trim()}`);
    return answers(running.url('/1'));
  });
  return running;
}

/** As the program says it; undefined when it isn't installed. */
export async function versionOf(peer: Peer): Promise<string | undefined> {
  try {
    const text = await output(SERVER_CORE, '/bin/sh', [
      '-c',
      '"$0" "$@" 2>&1',
      peer.program,
      peer.versionArgument,
    ]);
    return /\d+\.\d+[.\d]*/.exec(text)?.[0] ?? '';
  } catch {
    return undefined;
  }
}

function filledIn(name: string, values: Readonly<Record<string, string>>): string {
  const text = readFileSync(join(import.meta.dirname, 'conf', name), 'utf8');
  return text.replace(/@(\w+)@/g, (word, key: string) => values[key] ?? word);
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 1000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}
