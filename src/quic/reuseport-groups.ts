/** The kernel's maps of QUIC sockets, by address: they outlive generations, and a new binary gets them. */
import type { Addon, ReuseportGroup } from '../fstack-binding/addon.ts';

/** By it a new binary learns their descriptors: `{"0.0.0.0:443": [7, 8]}`. */
export const GROUPS_VARIABLE = 'SLUICE_QUIC_GROUPS';

export class ReuseportGroups {
  readonly #addon: Addon;
  readonly #groups = new Map<string, ReuseportGroup>();

  constructor(addon: Addon) {
    this.#addon = addon;
    for (const [address, [sockets, owners]] of inherited()) {
      addon.adoptDescriptor(sockets);
      addon.adoptDescriptor(owners);
      this.#groups.set(address, { sockets, owners });
    }
  }

  /** Throws where bpf() is refused. */
  of(address: string): ReuseportGroup {
    let group = this.#groups.get(address);
    if (!group) {
      group = this.#addon.createReuseportGroup();
      this.#groups.set(address, group);
    }
    return group;
  }

  /** Their descriptors, in the order that handedOver() counts them. */
  get descriptors(): number[] {
    return [...this.#groups.values()].flatMap(({ sockets, owners }) => [sockets, owners]);
  }

  /** The variable's value for a process that has them as `first` and those that follow. */
  handedOver(first: number): string {
    const entries = [...this.#groups.keys()].map((address, i) => [
      address,
      [first + 2 * i, first + 2 * i + 1],
    ]);
    return JSON.stringify(Object.fromEntries(entries));
  }
}

type Pair = readonly [sockets: number, owners: number];

function inherited(): [string, Pair][] {
  const value = process.env[GROUPS_VARIABLE];
  return value === undefined ? [] : Object.entries<Pair>(JSON.parse(value));
}
