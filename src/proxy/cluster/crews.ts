/** Which workers are on F-Stack together, as master and workers keep it in shared memory. */
import type { Addon } from '../../fstack-binding/addon.ts';
import { BOARD_VARIABLE, type Crew, FlowBoard, type Shift } from '../../fstack-binding/flow-board.ts';
import type { WorkerStackSettings } from './settings.ts';

/** Why workers can't come up on F-Stack beside those that are there. */
export class NoPlace extends Error {}

export class Crews {
  readonly #addon: Addon;
  readonly #mustered = new Set<Crew>();
  #board: FlowBoard | undefined;
  /** Of a binary whose memory we don't understand. */
  readonly #strangers: boolean;

  constructor(addon: Addon) {
    this.#addon = addon;
    const inherited = process.env[BOARD_VARIABLE];
    if (inherited !== undefined) {
      addon.adoptDescriptor(Number(inherited));
      this.#board = FlowBoard.adopt(Number(inherited));
    }
    this.#strangers = inherited !== undefined && !this.#board;
  }

  /** What a new binary is to get. */
  get board(): FlowBoard | undefined {
    return this.#board?.overlapping ? this.#board : undefined;
  }

  /** A place for workers that are about to be started. Throws NoPlace. */
  muster({ exclusive }: WorkerStackSettings, workers: number): Crew {
    if (this.#strangers) throw new NoPlace('another binary has the device');
    const board = this.#boardFor(exclusive);
    const shift = board.claim(workers);
    if (shift === undefined) throw new NoPlace('too many generations of workers have not ended yet');
    const crew = { board, shift };
    this.#mustered.add(crew);
    return crew;
  }

  /** The workers of others have ended, and none is to follow. */
  disbandAllBut(kept: readonly (Crew | undefined)[]): void {
    for (const crew of this.#mustered) {
      if (kept.includes(crew)) continue;
      this.#mustered.delete(crew);
      crew.board.release(crew.shift);
      this.#closeUnused(crew.board);
    }
  }

  /** Whose workers, up on F-Stack and in reach of another binary's, have new connections. */
  get serving(): 'ours' | 'others' | undefined {
    const { board } = this;
    if (!board?.isManned(board.serving)) return undefined;
    return this.#own.includes(board.serving) ? 'ours' : 'others';
  }

  /** Before our workers end: another binary's are to serve, if there are any. */
  handBack(): void {
    if (this.serving === 'others') return;
    const [other] = this.#board?.mannedShifts().filter((shift) => !this.#own.includes(shift)) ?? [];
    if (other !== undefined) this.#board?.serve(other);
  }

  /** What another binary has left behind. */
  forgetOthers(): void {
    this.#board?.releaseAllBut(this.#own);
  }

  get #own(): Shift[] {
    return [...this.#mustered].filter(({ board }) => board === this.#board).map(({ shift }) => shift);
  }

  #boardFor(overlapping: boolean): FlowBoard {
    const before = this.#board;
    if (before?.overlapping === overlapping) return before;
    this.#board = FlowBoard.create(this.#addon, overlapping);
    if (before) this.#closeUnused(before);
    return this.#board;
  }

  #closeUnused(board: FlowBoard): void {
    if (board !== this.#board && ![...this.#mustered].some((crew) => crew.board === board)) board.close();
  }
}
