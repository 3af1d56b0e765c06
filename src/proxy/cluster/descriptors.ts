/** The open files behind the Plan's `fds`: logs, shared zones and listening sockets, in the order in which workers inherit them. */
import { chmodSync, chownSync, closeSync, openSync, statSync } from 'node:fs';
import type { Addon } from '../../fstack-binding/addon.ts';
import type { FdPlan } from '../plan/plan.ts';
import type { Log } from './error-log.ts';
import type { ListenSocket } from './listen-sockets.ts';
import { systemErrorText } from './system-error.ts';

const STDERR = 2;
const OWNER_READ_WRITE = 0o600;

/** Configuration text is latin1, one character a byte; the file system wants the bytes. */
export function pathBytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

/** A log file could not be opened; the reason is in the log. */
export class LogFileError extends Error {}

export function openLogFile(path: string): number {
  return openSync(pathBytes(path), 'a', 0o644);
}

/** Log files by path. */
export class LogFiles {
  readonly #addon: Addon;
  readonly #fds = new Map<string, number>();

  /** Throws LogFileError with nothing left open. */
  constructor(plans: readonly FdPlan[], addon: Addon, log: Log) {
    this.#addon = addon;
    for (const plan of plans) {
      if (plan.kind !== 'log') continue;
      try {
        this.#fds.set(plan.path, openLogFile(plan.path));
      } catch (cause) {
        const message = `open() "${plan.path}" failed ${systemErrorText(addon, cause)}`;
        log.write('emerg', message);
        this.close();
        throw new LogFileError(message, { cause });
      }
    }
  }

  fd(path: string): number | undefined {
    return this.#fds.get(path);
  }

  /** After the files were moved away. Workers open them again as `owner`, so they must be able to. */
  reopen(owner: number, log: Log): void {
    for (const [path, fd] of this.#fds) {
      try {
        const fresh = openLogFile(path);
        this.#allow(path, owner, log);
        this.#addon.duplicateTo(fresh, fd);
        this.#addon.adoptDescriptor(fd);
        closeSync(fresh);
      } catch (error) {
        log.write('emerg', `open() "${path}" failed ${systemErrorText(this.#addon, error)}`);
      }
    }
  }

  close(): void {
    for (const fd of this.#fds.values()) closeSync(fd);
    this.#fds.clear();
  }

  #allow(path: string, owner: number, log: Log): void {
    const { uid, mode } = statSync(pathBytes(path));
    const keepGroup = -1;
    try {
      if (uid !== owner) chownSync(pathBytes(path), owner, keepGroup);
    } catch (error) {
      log.write('emerg', `chown("${path}", ${owner}) failed ${systemErrorText(this.#addon, error)}`);
    }
    if ((mode & OWNER_READ_WRITE) !== OWNER_READ_WRITE) chmodSync(pathBytes(path), mode | OWNER_READ_WRITE);
  }
}

export interface Zone {
  readonly fd: number;
  readonly size: number;
  readonly owner: string;
}

/** Shared memory by name; kept over a reload when the size stays the same, and the use. */
export class Zones {
  readonly #zones = new Map<string, Zone>();

  constructor(plans: readonly FdPlan[], previous: Zones | undefined, addon: Addon) {
    for (const plan of plans) {
      if (plan.kind !== 'zone') continue;
      const { name, size, owner } = plan;
      const known = previous?.get(name);
      const former = known?.owner === owner ? known : undefined;
      const zone = former?.size === size ? former : { fd: addon.sharedMemory(name, size), size, owner };
      if (former && former !== zone && owner === 'http_upstream') addon.takeOverUpstreams(former.fd, zone.fd);
      this.#zones.set(name, zone);
    }
  }

  fd(name: string): number | undefined {
    return this.#zones.get(name)?.fd;
  }

  get(name: string): Zone | undefined {
    return this.#zones.get(name);
  }

  /** Closes what `kept` doesn't have too. Memory goes when the last worker that maps it has gone. */
  closeUnused(kept: Zones | undefined): void {
    for (const [name, zone] of this.#zones) {
      if (kept?.fd(name) !== zone.fd) closeSync(zone.fd);
    }
  }
}

/** What a worker inherits, by position in the Plan's `fds`. */
export function descriptorTable(
  plans: readonly FdPlan[],
  logs: LogFiles,
  zones: Zones,
  sockets: readonly ListenSocket[],
  relays: readonly number[],
): number[] {
  const descriptor = (plan: FdPlan): number | undefined => {
    switch (plan.kind) {
      case 'log':
        return logs.fd(plan.path);
      case 'stderr':
        return STDERR;
      case 'zone':
        return zones.fd(plan.name);
      case 'listen':
        return sockets[plan.listener]?.fd;
      case 'relay':
        return relays[plan.worker];
    }
  };
  return plans.map((plan) => {
    const fd = descriptor(plan);
    if (fd === undefined) throw new RangeError(`nothing is open for ${JSON.stringify(plan)}`);
    return fd;
  });
}
