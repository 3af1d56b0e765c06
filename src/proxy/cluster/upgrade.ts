/** Replacing the running program: a new binary starts with our sockets, and takes over or gives back. */
import { type ChildProcess, spawn } from 'node:child_process';
import { BOARD_VARIABLE, type FlowBoard } from '../../fstack-binding/flow-board.ts';
import { hostSeed, SEED_VARIABLE } from '../../quic/host-seed.ts';
import { GROUPS_VARIABLE, type ReuseportGroups } from '../../quic/reuseport-groups.ts';
import { childEnvironment } from './environment.ts';
import { formatInherited, INHERITED_VARIABLE } from './inherit.ts';
import type { ListenSocket } from './listen-sockets.ts';

const FIRST_SOCKET = 3;

export interface Program {
  /** As it was called, like argv[0]. */
  readonly path: string;
  readonly args: readonly string[];
}

/** How this process was called: bin/sluice says under which name. */
export function thisProgram(): Program {
  return { path: process.env.SLUICE_ARGV0 ?? process.argv[1] ?? '', args: process.argv.slice(2) };
}

/** Its pid is undefined when the program can't be executed; an `error` event says why. */
export function startNewBinary(
  program: Program,
  sockets: readonly ListenSocket[],
  groups: ReuseportGroups,
  board: FlowBoard | undefined,
  env: readonly string[],
): ChildProcess {
  const numbers = sockets.map((_socket, i) => FIRST_SOCKET + i);
  const own = [...sockets.map((socket) => socket.fd), ...groups.descriptors];
  return spawn(program.path, program.args, {
    argv0: program.path,
    stdio: ['inherit', 'inherit', 'inherit', ...own, ...(board ? [board.fd] : [])],
    env: {
      ...childEnvironment(env),
      [INHERITED_VARIABLE]: formatInherited(numbers),
      [SEED_VARIABLE]: Buffer.from(hostSeed()).toString('hex'),
      [GROUPS_VARIABLE]: groups.handedOver(FIRST_SOCKET + sockets.length),
      ...(board && { [BOARD_VARIABLE]: `${FIRST_SOCKET + own.length}` }),
    },
  });
}
