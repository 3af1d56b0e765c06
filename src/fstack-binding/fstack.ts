/** F-Stack as a worker starts it: on the thread that becomes its data thread. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Addon } from './addon.ts';
import { lcoresOf, ownAddresses } from './check-ini.ts';
import { hasDeviceForItself, withDefaults } from './devices.ts';
import { DIRECTIVES, explainFailure, type StartFailure } from './failure.ts';
import type { Crew } from './flow-board.ts';
import type { Ini } from './ini.ts';
import { removeLeftovers } from './leftovers.ts';

export interface FstackSettings {
  /** What bin/build-fstack has linked; see fstackLibrary(). */
  readonly library: string;
  /** F-Stack's configuration, read. */
  readonly ini: Ini;
  /** DPDK's virtual devices, in DPDK's words: `net_af_packet0,iface=eth1`. */
  readonly devices: readonly string[];
  /** From 0. Unless each has the device for itself the first one is DPDK's primary, and must be up before the others. */
  readonly worker: number;
  /** How many there are. */
  readonly workers: number;
  /** Where workers agree on whose a packet is; not needed for a single one that nobody follows. */
  readonly crew?: Crew;
  /** Whether to try it without hugepages where none are free. */
  readonly noHuge: boolean;
  /** Microseconds that a turn without work waits, for the CPU's sake; 0: never. Absent: what the ini says. */
  readonly idleSleep?: number;
}

const HUGEPAGES = '/sys/kernel/mm/hugepages';
/** Megabytes that DPDK takes without hugepages if the ini doesn't say. */
const MEMORY_WITHOUT_HUGEPAGES = '512';
/** A machine's host bridge: no driver takes it, so allowing just this keeps DPDK away from its real devices. */
const NO_PCI_DEVICE = '0000:00:00.0';

/** SLUICE_FSTACK names another library, for instance a test's. */
export function fstackLibrary(): string {
  const ours = new URL('../../build/Release/sluice-fstack.so', import.meta.url).pathname;
  return process.env.SLUICE_FSTACK ?? ours;
}

/** What the library is made of (`DPDK 23.11.5`), or why there is none. */
export function describeFstack(
  addon: () => Addon,
  library = fstackLibrary(),
): { readonly version: string } | { readonly missing: string } {
  if (!existsSync(library)) return { missing: 'this Sluice was built without F-Stack' };
  try {
    return { version: addon().fstackDescription(library) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { missing: `this Sluice's library for F-Stack cannot be opened (${reason})` };
  }
}

/** Once per process, and as root. Undefined when it runs. */
export function startFstack(
  addon: Addon,
  settings: FstackSettings,
  terms = DIRECTIVES,
): StartFailure | undefined {
  const exclusive = hasDeviceForItself(settings.devices);
  const { crew, worker } = settings;
  const fd = addon.sealedMemory('f-stack.conf', new TextEncoder().encode(effectiveIni(settings).toString()));
  const output = addon.startFstack({
    library: settings.library,
    configuration: `/proc/self/fd/${fd}`,
    process: exclusive ? 0 : worker,
    board: crew?.board.fd ?? -1,
    shift: crew?.shift ?? 0,
    worker,
    exclusive,
    addresses: ownAddresses(settings.ini),
    devices: settings.devices.map(withDefaults),
    idleSleep: idleSleep(settings),
  });
  return output === null ? undefined : explainFailure(output, process.geteuid?.() === 0, terms);
}

/** The ini with what is ours to say. F-Stack's own sleep would delay the kernel's events: the worker sleeps instead. */
export function effectiveIni({ ini, devices, noHuge, worker, workers, crew }: FstackSettings): Ini {
  const without = noHuge && ini.value('dpdk', 'no_huge') === undefined && !freeHugepages();
  const effective = ini.with('dpdk', {
    idle_sleep: '0',
    ...(without && { no_huge: '1', memory: ini.value('dpdk', 'memory') ?? MEMORY_WITHOUT_HUGEPAGES }),
    ...(devices.length > 0 && ini.value('dpdk', 'allow') === undefined && { allow: NO_PCI_DEVICE }),
  });
  if (!crew) return effective;
  // A reply must find its worker, also where the device can't be told to hash (native/net/flow_director.h).
  const { first, last } = crew.board.ports(crew.shift, worker, workers);
  const withPorts = effective.with('freebsd.sysctl', {
    'net.inet.ip.portrange.first': `${first}`,
    'net.inet.ip.portrange.last': `${last}`,
  });
  if (!hasDeviceForItself(devices)) return withPorts;
  // For DPDK each is a program of its own, with one lcore.
  const lcore = lcoresOf(ini.value('dpdk', 'lcore_mask') ?? '')?.[worker] ?? 0;
  return withPorts.with('dpdk', {
    lcore_mask: (1n << BigInt(lcore)).toString(16),
    file_prefix: ownPrefix(ini, crew, worker),
  });
}

function ownPrefix(ini: Ini, { shift }: Crew, worker: number): string {
  return `${ini.value('dpdk', 'file_prefix') ?? 'sluice'}-${shift}-${worker}`;
}

/** To be called when a worker has ended, in whatever way, by a process that has root's rights still; by itself with `ours`. */
export function tidyUpAfter(
  { ini, devices, crew, worker }: Pick<FstackSettings, 'ini' | 'devices' | 'crew' | 'worker'>,
  { ours = false } = {},
): void {
  const own = crew && hasDeviceForItself(devices) ? ownPrefix(ini, crew, worker) : undefined;
  const prefix = own ?? ini.value('dpdk', 'file_prefix');
  // F-Stack puts a word of its own before it.
  removeLeftovers(prefix === undefined ? 'container' : `container-${prefix}`, { ours });
}

function idleSleep({ idleSleep: said, ini }: FstackSettings): number {
  return said ?? Number(ini.value('dpdk', 'idle_sleep') ?? 0);
}

function freeHugepages(): boolean {
  try {
    return readdirSync(HUGEPAGES).some(
      (size) => Number(readFileSync(join(HUGEPAGES, size, 'free_hugepages'), 'latin1')) > 0,
    );
  } catch {
    return false;
  }
}
