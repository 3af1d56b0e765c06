/** What QUIC needs of the main context: how connection IDs look. */
import { hostSeed, newGeneration } from '../../quic/host-seed.ts';
import { MAIN, ONE, ONE_OR_TWO } from '../conf/contexts.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseNumber } from '../conf/units.ts';
import type { QuicPlan } from '../plan/plan.ts';
import { directive, flag } from './directive.ts';
import type { Module } from './module.ts';

/** draft-ietf-quic-load-balancers: three bits, and all of them set means that no balancer knows us. */
const MOST_ROTATION = 6;
const MOST_HOST_ID = 8;
const KEY_SIZE = 16;

export const bpf = flag('quic_bpf', MAIN, false);
const hostId = directive({ name: 'quic_host_id', contexts: MAIN, args: ONE_OR_TWO, read: readHostId });
const cidKey = directive({ name: 'quic_cid_key', contexts: MAIN, args: ONE, read: readKey });

export const quic: Module = { name: 'event_quic_bpf', directives: [bpf, hostId, cidKey] };

export function quicPlan(main: Scope): QuicPlan {
  const host = main.find(hostId)?.value;
  const key = main.find(cidKey)?.value;
  return {
    generation: newGeneration(),
    seed: hostSeed(),
    ...(host && { hostId: host.id, rotation: host.rotation }),
    ...(key && { cidKey: key }),
  };
}

function readHostId(statement: Statement): { id: Uint8Array; rotation: number } {
  const id = readHex(statement, 1);
  if (id.length > MOST_HOST_ID)
    throw statement.fail(`host id "${statement.word(1)}" is longer than 8 bytes`, 1);
  const said = statement.words[2];
  if (said === undefined) return { id, rotation: 0 };
  const rotation = said.startsWith('rotation=') ? parseNumber(said.slice('rotation='.length)) : undefined;
  if (rotation === undefined || rotation > MOST_ROTATION)
    throw statement.fail(`invalid parameter "${said}"`, 2);
  return { id, rotation };
}

function readKey(statement: Statement): Uint8Array {
  const key = readHex(statement, 1);
  if (key.length !== KEY_SIZE)
    throw statement.fail(`"${statement.name}" must be ${KEY_SIZE} bytes in hexadecimal`, 1);
  return key;
}

function readHex(statement: Statement, word: number): Uint8Array {
  const text = statement.word(word);
  if (!/^([0-9a-f]{2})+$/i.test(text)) throw statement.failDirective('invalid value', word);
  return Buffer.from(text, 'hex');
}
