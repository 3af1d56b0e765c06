/** Shared memory by which workers in user space tell whose a received packet is: native/net/flow_board.h has its layout. */
import { closeSync, readSync, writeSync } from 'node:fs';
import type { Addon } from './addon.ts';

/** By it a new binary learns the descriptor. */
export const BOARD_VARIABLE = 'SLUICE_FLOW_BOARD';

/** The workers that were started together. Those of a reload are another shift than those that drain. */
export type Shift = number;

/** Such workers and where they are known by it. */
export interface Crew {
  readonly board: FlowBoard;
  readonly shift: Shift;
}

const SIZE = 16 * 1024 + 128 * 1024 * 64;
const VERSION = 2;
const MAX_SHIFTS = 4;
export const MAX_WORKERS = 128;
const AT = {
  version: 0,
  shifts: 4,
  key: 8,
  serving: 16,
  incarnations: 20,
  last: 24,
  workers: 28,
  states: 64,
  unlisted: 9 * 1024,
};
const STATE = { down: 0, waiting: 1, serving: 2, retired: 3, elsewhere: 4, deaf: 5 };
const UP = [STATE.waiting, STATE.serving, STATE.retired];

/** The ports that connections to upstreams come from. */
const PORTS = { first: 10_000, count: 55_536 };

export class FlowBoard {
  readonly fd: number;
  readonly #shiftCount: number;

  private constructor(fd: number, shifts: number) {
    this.fd = fd;
    this.#shiftCount = shifts;
  }

  /** `overlapping`: whether shifts may be there at the same time. */
  static create(addon: Pick<Addon, 'sharedMemory'>, overlapping: boolean): FlowBoard {
    const shifts = overlapping ? MAX_SHIFTS : 1;
    const fd = addon.sharedMemory('sluice flows', SIZE);
    const header = new DataView(new ArrayBuffer(AT.serving));
    header.setUint32(AT.version, VERSION, true);
    header.setUint32(AT.shifts, shifts, true);
    writeSync(fd, header, 0, AT.key, 0);
    writeSync(fd, crypto.getRandomValues(new Uint8Array(8)), 0, 8, AT.key);
    return new FlowBoard(fd, shifts);
  }

  /** Of another process; undefined: it is of another version. */
  static adopt(fd: number): FlowBoard | undefined {
    const header = new DataView(new ArrayBuffer(AT.key));
    const size = readSync(fd, header, 0, AT.key, 0);
    if (size < AT.key || header.getUint32(AT.version, true) !== VERSION) return undefined;
    return new FlowBoard(fd, header.getUint32(AT.shifts, true));
  }

  get overlapping(): boolean {
    return this.#shiftCount > 1;
  }

  /** A place for workers to come; undefined while others have all of them. The first one serves at once. */
  claim(workers: number): Shift | undefined {
    const all = this.#shifts();
    const free = all.filter((shift) => this.#read(AT.incarnations + shift) === 0);
    // Not the one that others may have in mind still.
    const [shift] = free.toSorted((a, b) => this.#read(AT.last + a) - this.#read(AT.last + b));
    if (shift === undefined) return undefined;
    const incarnation = (this.#read(AT.last + shift) % 255) + 1;
    for (const array of [AT.states, AT.unlisted]) {
      writeSync(this.fd, new Uint8Array(MAX_WORKERS), 0, MAX_WORKERS, array + shift * MAX_WORKERS);
    }
    this.#write(AT.workers + shift, workers);
    this.#write(AT.last + shift, incarnation);
    if (free.length === all.length) this.#write(AT.serving, shift);
    this.#write(AT.incarnations + shift, incarnation);
    return shift;
  }

  /** New connections are for its workers. */
  get serving(): Shift {
    return this.#read(AT.serving);
  }

  /** From now on new connections are for its workers. */
  serve(shift: Shift): void {
    this.#write(AT.serving, shift);
    for (let worker = 0; worker < MAX_WORKERS; worker++) {
      if (this.#stateOf(shift, worker) === STATE.waiting || this.#stateOf(shift, worker) === STATE.retired)
        this.#state(shift, worker, STATE.serving);
    }
  }

  /** A worker has come up. */
  arrived(shift: Shift, worker: number): void {
    if (this.#stateOf(shift, worker) === STATE.elsewhere) return;
    this.#state(shift, worker, this.serving === shift ? STATE.serving : STATE.waiting);
  }

  /** It has come up on the kernel's stack. */
  wentElsewhere(shift: Shift, worker: number): void {
    this.#state(shift, worker, STATE.elsewhere);
  }

  /** It has ended. */
  left(shift: Shift, worker: number): void {
    this.#state(shift, worker, STATE.down);
  }

  /** Whether a worker of it is up on F-Stack, and listens. */
  isManned(shift: Shift): boolean {
    const states = new Uint8Array(MAX_WORKERS);
    readSync(this.fd, states, 0, MAX_WORKERS, AT.states + shift * MAX_WORKERS);
    return states.some((state) => UP.includes(state));
  }

  mannedShifts(): Shift[] {
    return this.#shifts().filter((shift) => this.isManned(shift));
  }

  /** All of its workers have ended. */
  release(shift: Shift): void {
    this.#write(AT.incarnations + shift, 0);
  }

  releaseAllBut(kept: readonly Shift[]): void {
    for (const shift of this.#shifts()) if (!kept.includes(shift)) this.release(shift);
  }

  /** Where each worker's connections to upstreams come from. */
  ports(shift: Shift, worker: number, workers: number): { readonly first: number; readonly last: number } {
    const ofShift = Math.floor(PORTS.count / this.#shiftCount);
    const each = Math.floor(ofShift / workers);
    const first = PORTS.first + shift * ofShift + worker * each;
    return { first, last: first + each - 1 };
  }

  close(): void {
    closeSync(this.fd);
  }

  #shifts(): Shift[] {
    return Array.from({ length: this.#shiftCount }, (_, shift) => shift);
  }

  #stateOf(shift: Shift, worker: number): number {
    return this.#read(AT.states + shift * MAX_WORKERS + worker);
  }

  #state(shift: Shift, worker: number, state: number): void {
    this.#write(AT.states + shift * MAX_WORKERS + worker, state);
  }

  /** A byte at a time: others read and write at the same moment. */
  #write(position: number, value: number): void {
    writeSync(this.fd, Uint8Array.of(value), 0, 1, position);
  }

  #read(position: number): number {
    const byte = new Uint8Array(1);
    readSync(this.fd, byte, 0, 1, position);
    return byte[0] ?? 0;
  }
}
