/** How QUIC packets find the worker that has their connection: what the master sets up for one generation of workers. */
import { closeSync } from 'node:fs';
import type { Addon, ReuseportGroup, Steering } from '../fstack-binding/addon.ts';
import type { Log } from '../proxy/cluster/error-log.ts';
import { systemErrorText } from '../proxy/cluster/system-error.ts';
import type { QuicPlan } from '../proxy/plan/plan.ts';
import { nextGeneration, type RelaySockets } from './relay-sockets.ts';
import type { ReuseportGroups } from './reuseport-groups.ts';
import { TEXT_SIZE } from './routing-plan.ts';

/** Rotation bits and length of what is made without any configuration (native/quic/connection_id.h). */
const UNROUTABLE = 7;
const PROCESS_SIZE = 3;

/** The UDP sockets of one address, by worker. */
export interface QuicSockets {
  readonly address: string;
  readonly fds: readonly number[];
}

export class PacketRouting {
  /** Each generation has its own sockets, and eBPF tells them apart; else all read from the same ones. */
  readonly ownSockets: boolean;
  readonly #plan: QuicPlan;
  readonly #relays: RelaySockets;
  readonly #groups: ReuseportGroups;
  readonly #addon: Addon;
  readonly #places: { readonly group: ReuseportGroup; readonly first: number; readonly count: number }[] = [];

  /** Claims a number that no living process has. */
  constructor(plan: QuicPlan, bpf: boolean, groups: ReuseportGroups, addon: Addon) {
    this.#plan = plan;
    this.#groups = groups;
    this.#addon = addon;
    this.ownSockets = bpf;
    this.#relays = nextGeneration(plan.relayName, plan.relays.length, addon);
  }

  /** By worker: where others bring packets. */
  get relays(): readonly number[] {
    return this.#relays.fds;
  }

  get plan(): QuicPlan {
    return { ...this.#plan, generation: this.#relays.generation, ownSockets: this.ownSockets };
  }

  /** Has the kernel know them; packets that name nobody go on to those before, until takeOver(). */
  steer(sockets: readonly QuicSockets[], log: Log): void {
    for (const { address, fds } of sockets) {
      try {
        this.#steer(address, fds);
      } catch (error) {
        const reason = systemErrorText(this.#addon, error);
        log.write('alert', `packets to ${address} are not routed by the kernel: ${reason}`);
      }
    }
  }

  /** From now on new connections are for this generation. */
  takeOver(): void {
    for (const { group, first, count } of this.#places) {
      this.#addon.preferInReuseportGroup(group, first, count);
    }
  }

  /** The master's part of it ends; its workers go on. */
  retire(): void {
    for (const fd of this.#relays.fds) closeSync(fd);
  }

  #steer(address: string, fds: readonly number[]): void {
    const [any] = fds;
    if (any === undefined) return;
    if (!this.ownSockets) {
      this.#addon.attachReuseportFilter(any, this.#steering, fds.length);
      return;
    }
    const group = this.#groups.of(address);
    this.#addon.attachReuseportProgram(group, any, this.#steering);
    const first = this.#addon.addToReuseportGroup(group, this.#relays.generation, fds);
    this.#places.push({ group, first, count: fds.length });
  }

  get #steering(): Steering {
    const { configurations, processKey } = this.#plan;
    const known = configurations.map(({ rotation, hostId, nonceSize }) =>
      shape(rotation, hostId.length + nonceSize),
    );
    return { shapes: [...known, shape(UNROUTABLE, TEXT_SIZE)], processKey };
  }
}

/** First octet and length of a connection ID. */
function shape(rotation: number, textSize: number): readonly [number, number] {
  const behindFirst = textSize + PROCESS_SIZE;
  return [(rotation << 5) | behindFirst, 1 + behindFirst];
}
