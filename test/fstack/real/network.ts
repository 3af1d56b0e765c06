/** Two network namespaces with a veth between them: clients and origins in one, F-Stack in the other. As root. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROGRAM } from '../../support/sluice.ts';

/** The client's address, and F-Stack's. */
export const CLIENT = '10.77.0.1';
export const FSTACK = '10.77.0.2';

const OFFLOADS = ['tx', 'rx', 'tso', 'gso', 'gro', 'sg'];

export interface Cleanup {
  teardown(step: () => void | Promise<void>): unknown;
}

export class Network {
  readonly client: string;
  readonly server: string;
  /** The interface that F-Stack gets. */
  readonly device = 'fstack0';
  /** Where clients and origins run; with a tap, its kernel end is beside F-Stack. */
  clientNamespace: string;
  readonly #processes: ChildProcess[] = [];

  constructor(t: Cleanup) {
    this.client = `sluice-c${process.pid}`;
    this.server = `sluice-s${process.pid}`;
    this.clientNamespace = this.client;
    ip('netns', 'add', this.client);
    ip('netns', 'add', this.server);
    t.teardown(() => this.#remove());
    for (const namespace of [this.client, this.server]) ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }

  /** A veth; F-Stack has the packets of its far end by `net_af_packet`. */
  addVeth(): this {
    ip(
      'link',
      'add',
      'client0',
      'netns',
      this.client,
      'type',
      'veth',
      'peer',
      'name',
      this.device,
      'netns',
      this.server,
    );
    this.#bringUp(this.client, 'client0');
    this.#bringUp(this.server, this.device);
    ip('-n', this.client, 'addr', 'add', `${CLIENT}/24`, 'dev', 'client0');
    return this;
  }

  /** Gives F-Stack's address to the kernel. */
  addServerAddress(): void {
    ip('-n', this.server, 'addr', 'add', `${FSTACK}/24`, 'dev', this.device);
  }

  /** The kernel's end of a `net_tap` that F-Stack has made; both ends begin with the same MAC. Whether it is there. */
  adoptTap(): boolean {
    const { server, device } = this;
    attempt('-n', server, 'addr', 'add', `${CLIENT}/24`, 'dev', device);
    return attempt('-n', server, 'link', 'set', device, 'address', '02:00:00:77:00:01', 'up');
  }

  /** Writes a program that starts Sluice in F-Stack's namespace, or in the client's; `uid`: as another user. */
  program(directory: string, { clientSide = false, uid = 0 } = {}): string {
    const path = join(directory, 'sluice-in-namespace');
    const namespace = clientSide ? this.client : this.server;
    const as = uid === 0 ? '' : `setpriv --reuid=${uid} --clear-groups`;
    writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${namespace} ${as} ${PROGRAM} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** Runs a program among the clients and returns what it prints; throws if it fails. */
  run(command: string, ...args: string[]): string {
    const all = ['netns', 'exec', this.clientNamespace, command, ...args];
    return execFileSync('ip', all, { encoding: 'latin1', maxBuffer: 64 * 1024 * 1024, timeout: 60_000 });
  }

  curl(...args: string[]): string {
    return this.run('curl', '--silent', '--show-error', '--max-time', '20', ...args);
  }

  /** A program that goes on among the clients, until the end. */
  start(command: string, ...args: string[]): ChildProcess {
    return this.#startIn(this.clientNamespace, command, args);
  }

  /** The same where F-Stack's interface is. */
  startServer(command: string, ...args: string[]): ChildProcess {
    return this.#startIn(this.server, command, args);
  }

  #startIn(namespace: string, command: string, args: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', namespace, command, ...args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#processes.push(child);
    return child;
  }

  /** Packets must come as they are on the wire: nothing that a NIC would still have to do. */
  #bringUp(namespace: string, device: string): void {
    ip('netns', 'exec', namespace, 'ethtool', '-K', device, ...OFFLOADS.flatMap((name) => [name, 'off']));
    ip('-n', namespace, 'link', 'set', device, 'up');
  }

  #remove(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
    for (const namespace of [this.client, this.server]) ip('netns', 'del', namespace);
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Whether it worked. */
function attempt(...args: string[]): boolean {
  return spawnSync('ip', args).status === 0;
}
