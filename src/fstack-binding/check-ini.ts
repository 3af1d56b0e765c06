/** What a configuration of F-Stack must say for workers to come up on it. */
import { isIPv4, isIPv6 } from 'node:net';
import { hasDeviceForItself } from './devices.ts';
import type { Ini } from './ini.ts';

export interface IniProblem {
  readonly message: string;
  /** Of the file; absent: something isn't there at all. */
  readonly line?: number;
}

export interface IniExpectations {
  readonly workers: number;
  /** `fstack … no_huge`: whether it may be tried without hugepages. */
  readonly noHuge: boolean;
  /** `fstack_device`: DPDK's virtual devices. */
  readonly devices: readonly string[];
}

/** A port that one process alone can have. */
const SINGLE_PROCESS_DEVICE = 'net_af_xdp';

const PORT_ADDRESSES = ['addr', 'netmask', 'broadcast', 'gateway'];

/** What is wrong, in the file's order as far as there is one. */
export function checkIni(ini: Ini, expected: IniExpectations): IniProblem[] {
  return [
    ...checkLcoreMask(ini, expected.workers),
    ...checkSharing(ini, expected),
    ...checkNumbers(ini),
    ...checkPorts(ini),
  ];
}

/** The addresses that F-Stack will answer on, without ports. */
export function ownAddresses(ini: Ini): string[] {
  const own = ini.entries.filter(({ section }) => /^(port|vlan)\d+$/.test(section));
  const single = own.filter(({ name }) => name === 'addr' || name === 'addr6');
  const several = own.filter(({ name }) => name === 'vip_addr' || name === 'vip_addr6');
  return [
    ...single.map(({ value }) => value),
    ...several.flatMap(({ value }) => value.split(';').map((address) => address.trim())),
  ].filter((address) => address !== '');
}

/** The lcores of a mask as F-Stack writes it, in hexadecimal; undefined for what is none. */
export function lcoresOf(mask: string): number[] | undefined {
  const digits = /^(?:0[xX])?([0-9a-fA-F]+)$/.exec(mask)?.[1];
  if (digits === undefined) return undefined;
  const bits = BigInt(`0x${digits}`).toString(2);
  return [...bits].reverse().flatMap((bit, lcore) => (bit === '1' ? [lcore] : []));
}

function checkLcoreMask(ini: Ini, workers: number): IniProblem[] {
  const mask = ini.find('dpdk', 'lcore_mask');
  if (!mask) return [{ message: 'no "lcore_mask" in section [dpdk]' }];
  const lcores = lcoresOf(mask.value);
  if (!lcores || lcores.length === 0)
    return [{ message: `invalid "lcore_mask" value "${mask.value}"`, line: mask.line }];
  if (lcores.length === workers) return [];
  const message = `"lcore_mask" value "${mask.value}" has ${lcores.length} lcores for ${workers} "worker_processes"`;
  return [{ message: `${message}: each worker has one`, line: mask.line }];
}

/** What only one process can have. */
function checkSharing(ini: Ini, { workers, noHuge, devices }: IniExpectations): IniProblem[] {
  if (workers === 1 || hasDeviceForItself(devices)) return [];
  const problems: IniProblem[] = [];
  const single = devices.find((device) => device.startsWith(SINGLE_PROCESS_DEVICE));
  if (single !== undefined) {
    problems.push({
      message: `${workers} "worker_processes" cannot share the device "${single}": one worker, or another device`,
    });
  }
  const without = ini.find('dpdk', 'no_huge');
  if (without && without.value !== '0') {
    problems.push({
      message: `several workers share hugepages: "no_huge=${without.value}" leaves them none`,
      line: without.line,
    });
  } else if (noHuge) {
    problems.push({ message: 'several workers share hugepages: "no_huge" of "fstack" is for one worker' });
  }
  return problems;
}

function checkNumbers(ini: Ini): IniProblem[] {
  const counted = ['no_huge', 'memory', 'channel', 'idle_sleep', 'pkt_tx_delay', 'numa_on', 'promiscuous'];
  const problems = counted.flatMap((name) => {
    const entry = ini.find('dpdk', name);
    if (!entry || /^\d+$/.test(entry.value)) return [];
    return [{ message: `invalid "${name}" value "${entry.value}"`, line: entry.line }];
  });
  const hz = ini.find('freebsd.boot', 'hz');
  if (hz && !/^[1-9]\d*$/.test(hz.value))
    problems.push({ message: `invalid "hz" value "${hz.value}"`, line: hz.line });
  return problems;
}

function checkPorts(ini: Ini): IniProblem[] {
  const list = ini.find('dpdk', 'port_list');
  const ports = list && portNumbers(list.value);
  if (!list) return [{ message: 'no "port_list" in section [dpdk]' }];
  if (!ports) return [{ message: `invalid "port_list" value "${list.value}"`, line: list.line }];
  return ports.flatMap((port) => checkPort(ini, `port${port}`));
}

function checkPort(ini: Ini, section: string): IniProblem[] {
  const problems: IniProblem[] = [];
  for (const name of PORT_ADDRESSES) {
    const entry = ini.find(section, name);
    if (!entry) problems.push({ message: `no "${name}" in section [${section}]` });
    else if (!isIPv4(entry.value))
      problems.push({ message: `invalid "${name}" address "${entry.value}"`, line: entry.line });
  }
  const ipv6 = ini.find(section, 'addr6');
  if (ipv6 && !isIPv6(ipv6.value))
    problems.push({ message: `invalid "addr6" address "${ipv6.value}"`, line: ipv6.line });
  return problems;
}

/** `0`, `0,2`, `0-3`. */
function portNumbers(text: string): number[] | undefined {
  const ports: number[] = [];
  for (const part of text.split(',')) {
    const [, first, last = first] = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part) ?? [];
    if (first === undefined || Number(last) < Number(first)) return undefined;
    for (let port = Number(first); port <= Number(last); port++) ports.push(port);
  }
  return ports;
}
