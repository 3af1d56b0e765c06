import type { FdPlan, Index } from '../../plan/plan.ts';
import type { Statement } from '../statement.ts';

/** What workers inherit: the Plan's `fds`. */
export class DescriptorTable {
  readonly #plans: FdPlan[] = [];
  readonly #logs = new Map<string, Index>();
  readonly #zones = new Map<string, { readonly fd: Index; readonly owner: string; size: number }>();
  #stderr: Index | undefined;

  /** A file opened for appending, once for all who write to it. */
  log(path: string): Index {
    let fd = this.#logs.get(path);
    if (fd === undefined) {
      fd = this.#add({ kind: 'log', path });
      this.#logs.set(path, fd);
    }
    return fd;
  }

  stderr(): Index {
    this.#stderr ??= this.#add({ kind: 'stderr' });
    return this.#stderr;
  }

  /**
   * Shared memory by name; `owner` is the module that lays it out. Size 0 means one that another directive
   * sizes, before or after.
   */
  zone(name: string, size: number, owner: string, statement: Statement, word = 1): Index {
    const known = this.#zones.get(name);
    if (!known) {
      const fd = this.#add({ kind: 'zone', name, size, owner });
      this.#zones.set(name, { fd, owner, size });
      return fd;
    }
    if (known.owner !== owner) {
      throw statement.fail(`the shared memory zone "${name}" is already declared for a different use`, word);
    }
    if (known.size === 0) known.size = size;
    if (size !== 0 && known.size !== size) {
      const both = `the size ${size} of shared memory zone "${name}" conflicts with already declared size ${known.size}`;
      throw statement.fail(both, word);
    }
    this.#plans[known.fd] = { kind: 'zone', name, size: known.size, owner };
    return known.fd;
  }

  /** Shared memory of our own, which no directive names. */
  ownZone(name: string, size: number): Index {
    const key = `sluice ${name}`;
    const known = this.#zones.get(key);
    if (known) return known.fd;
    const owner = 'sluice';
    const fd = this.#add({ kind: 'zone', name: key, size, owner });
    this.#zones.set(key, { fd, owner, size });
    return fd;
  }

  listen(listener: Index): Index {
    return this.#add({ kind: 'listen', listener });
  }

  /** Where a worker gets packets that others have received. */
  relay(worker: number): Index {
    return this.#add({ kind: 'relay', worker });
  }

  plan(): readonly FdPlan[] {
    return this.#plans;
  }

  #add(plan: FdPlan): Index {
    this.#plans.push(plan);
    return this.#plans.length - 1;
  }
}
