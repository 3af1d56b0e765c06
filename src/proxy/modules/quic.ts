/** What QUIC needs of the main context: how connection IDs look, and which hosts share them. */
import {
  type Configuration,
  KEY_SIZE,
  LEAST_NONCE,
  MOST_HOST_ID,
  MOST_ROTATION,
  routingPlan,
  TEXT_SIZE,
} from '../../quic/routing-plan.ts';
import type { ListenSettings, QuicKernelSettings } from '../cluster/settings.ts';
import { parseAddress } from '../conf/address.ts';
import type { Compiler } from '../conf/compile/compiler.ts';
import { MAIN, NO_ARGS, ONE_OR_TWO } from '../conf/contexts.ts';
import type { ReadContext } from '../conf/read-context.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { parseNumber } from '../conf/units.ts';
import type { Index, QuicPeerPlan, QuicPlan } from '../plan/plan.ts';
import { directive, flag, list } from './directive.ts';
import type { Module } from './module.ts';

/** Undefined: where bpf() is allowed. */
const bpf = flag('quic_bpf', MAIN, undefined);
const hostId = list('quic_host_id', MAIN, [1, 3], readHostId);
const cidKey = list('quic_cid_key', MAIN, ONE_OR_TWO, readKey);
const peers = directive({
  name: 'quic_peers',
  contexts: MAIN,
  args: NO_ARGS,
  body: { of: 'entries', includes: true },
  read: readPeers,
});

export const quic: Module = { name: 'event_quic_bpf', directives: [bpf, hostId, cidKey, peers] };

export interface CompiledQuic {
  readonly plan: QuicPlan;
  readonly kernel: QuicKernelSettings;
  /** With the socket for other hosts' packets, if there is one. */
  readonly listen: readonly ListenSettings[];
}

interface HostId {
  readonly rotation: number;
  readonly id: Uint8Array;
  readonly nonceSize: number;
}

interface CidKey {
  readonly rotation: number;
  readonly key: Uint8Array;
}

export function compileQuic(
  main: Scope,
  workers: number,
  listen: readonly ListenSettings[],
  compiler: Compiler,
): CompiledQuic {
  const configurations = readConfigurations(main, compiler);
  const own = ownPeer(main, configurations, compiler);
  const socket: ListenSettings[] = own ? [{ address: own.address, transport: 'datagram' }] : [];
  const peersSocket: Index | undefined = own && compiler.descriptors.listen(listen.length);
  const relays = Array.from({ length: workers }, (_, worker) => compiler.descriptors.relay(worker));
  return {
    plan: routingPlan(configurations, main.find(peers)?.value ?? [], relays, peersSocket),
    kernel: { bpf: main.get(bpf) },
    listen: [...listen, ...socket],
  };
}

/** Ids and keys that have the same rotation belong together; the first id is the one that connection IDs are made with. */
function readConfigurations(main: Scope, { diagnostics }: Compiler): Configuration[] {
  const keys = new Map<number, Uint8Array>();
  for (const { statement, value } of main.all(cidKey)) {
    diagnostics.attempt(() => {
      if (keys.has(value.rotation)) throw statement.fail(twice(statement, value.rotation));
      keys.set(value.rotation, value.key);
    });
  }
  const configurations = new Map<number, Configuration>();
  for (const { statement, value } of main.all(hostId)) {
    diagnostics.attempt(() => {
      const { rotation, id, nonceSize } = value;
      if (configurations.has(rotation)) throw statement.fail(twice(statement, rotation));
      const key = keys.get(rotation);
      configurations.set(rotation, { rotation, hostId: id, nonceSize, ...(key && { key }) });
    });
  }
  for (const { statement, value } of main.all(cidKey)) {
    diagnostics.attempt(() => {
      if (!configurations.has(value.rotation))
        throw statement.fail(`"quic_cid_key" needs a "quic_host_id" with rotation ${value.rotation}`);
    });
  }
  return [...configurations.values()];
}

function twice(statement: Statement, rotation: number): string {
  return `duplicate "${statement.name}" for rotation ${rotation}`;
}

/** This host among its peers: the address is where it listens for the others. */
function ownPeer(
  main: Scope,
  configurations: readonly Configuration[],
  { diagnostics }: Compiler,
): QuicPeerPlan | undefined {
  const said = main.find(peers);
  if (!said) return undefined;
  return diagnostics.attempt(() => {
    const [issuing] = configurations;
    if (!issuing?.key) throw said.statement.fail('"quic_peers" needs "quic_host_id" and "quic_cid_key"');
    const own = said.value.find(({ hostId }) => Buffer.compare(hostId, issuing.hostId) === 0);
    if (own) return own;
    const id = Buffer.from(issuing.hostId).toString('hex');
    throw said.statement.fail(`host id "${id}" of this host is not among "quic_peers"`);
  });
}

function readHostId(statement: Statement): HostId {
  const id = readHex(statement, 1);
  if (id.length > MOST_HOST_ID)
    throw statement.fail(`host id "${statement.word(1)}" is longer than ${MOST_HOST_ID} bytes`, 1);
  let rotation = 0;
  let nonceSize = TEXT_SIZE - id.length;
  for (let word = 2; word < statement.words.length; word++) {
    const parameter = statement.word(word);
    if (parameter.startsWith('rotation=')) {
      rotation = readParameter(statement, word, 0, MOST_ROTATION);
    } else if (parameter.startsWith('nonce=')) {
      nonceSize = readParameter(statement, word, LEAST_NONCE, TEXT_SIZE - id.length);
    } else {
      throw statement.fail(`invalid parameter "${parameter}"`, word);
    }
  }
  return { rotation, id, nonceSize };
}

function readKey(statement: Statement): CidKey {
  const key = readHex(statement, 1);
  if (key.length !== KEY_SIZE)
    throw statement.fail(`"quic_cid_key" must be ${KEY_SIZE} bytes in hexadecimal`, 1);
  if (statement.words.length === 2) return { rotation: 0, key };
  if (!statement.word(2).startsWith('rotation='))
    throw statement.fail(`invalid parameter "${statement.word(2)}"`, 2);
  return { rotation: readParameter(statement, 2, 0, MOST_ROTATION), key };
}

/** Entries are `HOST_ID ADDRESS:PORT;`. */
function readPeers(_statement: Statement, { entries }: ReadContext): QuicPeerPlan[] {
  return entries.map((entry) => {
    if (entry.words.length !== 2) throw entry.fail('invalid number of parameters in "quic_peers"');
    const address = parseAddress(entry.word(1), 0);
    if ('error' in address) throw entry.fail(`${address.error} in "${entry.word(1)}"`, 1);
    if (address.kind !== 'inet' || address.noPort || !/^[0-9.]+$|^\[/.test(address.host))
      throw entry.fail(`"${entry.word(1)}" is not an IP address with a port`, 1);
    return { hostId: readHex(entry, 0), address: entry.word(1) };
  });
}

/** `name=number`, from `least` to `most`. */
function readParameter(statement: Statement, word: number, least: number, most: number): number {
  const text = statement.word(word);
  const value = parseNumber(text.slice(text.indexOf('=') + 1));
  if (value !== undefined && value >= least && value <= most) return value;
  throw statement.fail(`invalid parameter "${text}": from ${least} to ${most}`, word);
}

function readHex(statement: Statement, word: number): Uint8Array {
  const text = statement.word(word);
  if (!/^([0-9a-f]{2})+$/i.test(text)) throw statement.fail(`"${text}" is not hexadecimal`, word);
  return Buffer.from(text, 'hex');
}
