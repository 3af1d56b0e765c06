/** Listening sockets: opened by the master, kept over reloads, handed over in an upgrade. Messages are nginx's. */
import { chmodSync, closeSync, unlinkSync } from 'node:fs';
import type { Addon, SocketOption } from '../../fstack-binding/addon.ts';
import type { Log } from './error-log.ts';
import type { ListenSettings } from './settings.ts';
import { errorNumber, systemErrorText } from './system-error.ts';

export const DEFAULT_BACKLOG = 511;
const EADDRINUSE = 98;
/** All QUIC clients of a worker share a socket; of the kernel's own default 300 of them fill it at once. */
const DATAGRAM_RECEIVE_BUFFER = 2 * 1024 * 1024;
const BIND_TRIES = 5;
const BIND_PAUSE_MS = 500;
/** Everyone may connect to a unix socket; the directory says who can reach it. */
const UNIX_SOCKET_MODE = 0o666;

export interface ListenSocket {
  readonly fd: number;
  readonly settings: ListenSettings;
  /** Came from another binary, by the environment. */
  readonly inherited: boolean;
}

/** A socket could not be opened; the reason is in the log. */
export class ListenError extends Error {}

export function unixPath(address: string): string | undefined {
  return address.startsWith('unix:') ? address.slice('unix:'.length) : undefined;
}

export class ListenSockets {
  readonly #addon: Addon;
  readonly #log: Log;

  constructor(addon: Addon, log: Log) {
    this.#addon = addon;
    this.#log = log;
  }

  /**
   * A socket for each of the settings, in their order: one of `previous` where address and transport agree, else a new one.
   * Throws ListenError with nothing left open.
   */
  open(wanted: readonly ListenSettings[], previous: readonly ListenSocket[]): ListenSocket[] {
    const spare = new Set(previous);
    const sockets: (ListenSocket | undefined)[] = wanted.map((settings) => {
      if (settings.renewed) {
        this.#letIn(settings, spare);
        return undefined;
      }
      const kept = [...spare].find((socket) => sameEndpoint(socket.settings, settings));
      if (!kept) return undefined;
      spare.delete(kept);
      this.#letIn(settings, [kept]);
      return { fd: kept.fd, settings, inherited: kept.inherited };
    });

    const opened: number[] = [];
    try {
      this.#openMissing(wanted, sockets, opened);
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    }

    const complete = sockets.filter((socket) => socket !== undefined);
    for (const socket of complete) {
      const before = previous.find((each) => each.fd === socket.fd);
      this.#configure(socket, before?.settings);
    }
    return complete;
  }

  /** The kernel lets further sockets in only when those before have the option too. */
  #letIn(settings: ListenSettings, before: Iterable<ListenSocket>): void {
    if (!settings.reuseport) return;
    for (const socket of before) {
      if (!sameEndpoint(socket.settings, settings) || socket.settings.reuseport) continue;
      this.#set(socket.fd, 'SO_REUSEPORT', 1, settings);
    }
  }

  /** What another binary left for us. A descriptor that cannot be a listener is left out. */
  adopt(fds: readonly number[]): ListenSocket[] {
    return fds.map((fd) => this.#adopt(fd)).filter((socket) => socket !== undefined);
  }

  /** Closes those of `previous` that `current` doesn't use any more. */
  closeUnused(previous: readonly ListenSocket[], current: readonly ListenSocket[]): void {
    const used = new Set(current.map((socket) => socket.fd));
    for (const socket of previous) {
      if (used.has(socket.fd)) continue;
      closeSync(socket.fd);
      const path = unixPath(socket.settings.address);
      if (path === undefined) continue;
      this.#log.write('warn', `deleting socket ${path}`);
      this.#unlink(path);
    }
  }

  /** Has the kernel refuse connections where F-Stack has taken over: nobody would accept them. */
  leaveToUserSpace(previous: readonly ListenSocket[], current: readonly ListenSocket[]): void {
    for (const { fd, settings } of current) {
      const before = previous.find((each) => each.fd === fd)?.settings;
      if (!before || before.userSpace || !settings.userSpace || settings.transport !== 'stream') continue;
      this.#log.write('notice', `listening on ${settings.address} is for F-Stack from now on`);
      this.#addon.stopListening(fd);
    }
  }

  /** Closes all; `unlink` removes unix sockets' files too, which must stay while another binary listens there. */
  closeAll(sockets: readonly ListenSocket[], unlink: (socket: ListenSocket) => boolean): void {
    for (const socket of sockets) {
      closeSync(socket.fd);
      const path = unixPath(socket.settings.address);
      if (path !== undefined && unlink(socket)) this.#unlink(path);
    }
  }

  #openMissing(
    wanted: readonly ListenSettings[],
    sockets: (ListenSocket | undefined)[],
    opened: number[],
  ): void {
    for (let tries = BIND_TRIES; tries > 0; tries--) {
      let missing = false;
      for (const [i, settings] of wanted.entries()) {
        if (sockets[i]) continue;
        const fd = this.#openOne(settings);
        if (fd === undefined) {
          missing = true;
        } else {
          opened.push(fd);
          sockets[i] = { fd, settings, inherited: false };
        }
      }
      if (!missing) return;
      this.#log.write('notice', `try again to bind() after ${BIND_PAUSE_MS}ms`);
      pause(BIND_PAUSE_MS);
    }
    this.#log.write('emerg', 'still could not bind()');
    throw new ListenError('still could not bind()');
  }

  /** Undefined when the address is in use, which may pass. */
  #openOne(settings: ListenSettings): number | undefined {
    const { address } = settings;
    const fd = this.#attempt(
      () => this.#addon.openSocket(address, settings.transport, settings.multipath ?? false),
      `socket() ${address} failed`,
    );
    try {
      this.#attempt(
        () => this.#addon.setSocketOption(fd, 'SO_REUSEADDR', 1),
        `setsockopt(SO_REUSEADDR) ${address} failed`,
      );
      if (settings.reuseport) {
        this.#attempt(
          () => this.#addon.setSocketOption(fd, 'SO_REUSEPORT', 1),
          `setsockopt(SO_REUSEPORT) ${address} failed`,
        );
      }
      if (address.startsWith('['))
        this.#set(fd, 'IPV6_V6ONLY', settings.ipv6only === false ? 0 : 1, settings);
      // The kernel may not have an address of F-Stack's, or not yet.
      if (settings.userSpace) this.#set(fd, 'IP_FREEBIND', 1, settings);
      this.#attempt(() => this.#addon.bindSocket(fd, address), `bind() to ${address} failed`);
      this.#allowAll(address);
      if (settings.transport === 'stream' && !settings.userSpace) {
        const backlog = settings.backlog ?? DEFAULT_BACKLOG;
        this.#attempt(
          () => this.#addon.listenSocket(fd, backlog),
          `listen() to ${address}, backlog ${backlog} failed`,
        );
      }
      return fd;
    } catch (error) {
      closeSync(fd);
      if (error instanceof ListenError && errorNumber(error.cause) === EADDRINUSE) return undefined;
      throw error;
    }
  }

  #allowAll(address: string): void {
    const path = unixPath(address);
    if (path === undefined) return;
    try {
      chmodSync(path, UNIX_SOCKET_MODE);
    } catch (error) {
      this.#log.write('emerg', `chmod() "${path}" failed ${systemErrorText(this.#addon, error)}`);
    }
  }

  #configure({ fd, settings }: ListenSocket, before: ListenSettings | undefined): void {
    if (settings.rcvbuf !== undefined) this.#set(fd, 'SO_RCVBUF', settings.rcvbuf, settings);
    else if (settings.transport === 'datagram') this.#widen(fd);
    if (settings.sndbuf !== undefined) this.#set(fd, 'SO_SNDBUF', settings.sndbuf, settings);
    if (settings.keepalive) {
      const { on, idle, interval, count } = settings.keepalive;
      this.#set(fd, 'SO_KEEPALIVE', on ? 1 : 0, settings);
      if (idle) this.#set(fd, 'TCP_KEEPIDLE', idle, settings);
      if (interval) this.#set(fd, 'TCP_KEEPINTVL', interval, settings);
      if (count) this.#set(fd, 'TCP_KEEPCNT', count, settings);
    }
    if (settings.fastopen !== undefined) this.#set(fd, 'TCP_FASTOPEN', settings.fastopen, settings);

    const backlog = settings.backlog ?? DEFAULT_BACKLOG;
    const starts = before?.userSpace === true;
    const changes = before && (starts || backlog !== (before.backlog ?? DEFAULT_BACKLOG));
    if (changes && settings.transport === 'stream' && !settings.userSpace) {
      try {
        this.#addon.listenSocket(fd, backlog);
      } catch (error) {
        const reason = systemErrorText(this.#addon, error);
        this.#log.write(
          'alert',
          `listen() to ${settings.address}, backlog ${backlog} failed, ignored ${reason}`,
        );
      }
    }
    // One second: the kernel cannot tell how long a connection has waited, so the longest wait is short.
    if ((settings.deferred ?? false) !== (before?.deferred ?? false)) {
      this.#set(fd, 'TCP_DEFER_ACCEPT', settings.deferred ? 1 : 0, settings);
    }
  }

  #adopt(fd: number): ListenSocket | undefined {
    try {
      const address = this.#addon.socketAddress(fd);
      if (address === null) {
        this.#log.write('crit', `the inherited socket #${fd} has an unsupported protocol family`);
        return undefined;
      }
      this.#addon.adoptDescriptor(fd);
      const sockStream = 1;
      const transport = this.#addon.socketOption(fd, 'SO_TYPE') === sockStream ? 'stream' : 'datagram';
      const tcp = transport === 'stream' && unixPath(address) === undefined;
      const settings: ListenSettings = {
        address,
        transport,
        reuseport: this.#addon.socketOption(fd, 'SO_REUSEPORT') !== 0,
        deferred: tcp && this.#addon.socketOption(fd, 'TCP_DEFER_ACCEPT') !== 0,
      };
      return { fd, settings, inherited: true };
    } catch (error) {
      this.#log.write(
        'crit',
        `getsockname() of the inherited socket #${fd} failed ${systemErrorText(this.#addon, error)}`,
      );
      return undefined;
    }
  }

  /** Without the privilege for more, as far as `net.core.rmem_max` allows. */
  #widen(fd: number): void {
    for (const option of ['SO_RCVBUFFORCE', 'SO_RCVBUF'] as const) {
      try {
        this.#addon.setSocketOption(fd, option, DATAGRAM_RECEIVE_BUFFER);
        return;
      } catch {
        // The next one asks for less.
      }
    }
  }

  /** An option that a listener can do without. */
  #set(fd: number, option: SocketOption, value: number, { address }: ListenSettings): void {
    try {
      this.#addon.setSocketOption(fd, option, value);
    } catch (error) {
      const reason = systemErrorText(this.#addon, error);
      this.#log.write('alert', `setsockopt(${option}, ${value}) ${address} failed, ignored ${reason}`);
    }
  }

  #unlink(path: string): void {
    try {
      unlinkSync(path);
    } catch (error) {
      this.#log.write('emerg', `unlink() ${path} failed ${systemErrorText(this.#addon, error)}`);
    }
  }

  #attempt<T>(call: () => T, message: string): T {
    try {
      return call();
    } catch (cause) {
      this.#log.write('emerg', `${message} ${systemErrorText(this.#addon, cause)}`);
      throw new ListenError(message, { cause });
    }
  }
}

function sameEndpoint(a: ListenSettings, b: ListenSettings): boolean {
  return a.address === b.address && a.transport === b.transport;
}

/** The master has nothing else to do meanwhile, and nothing may overtake it. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
