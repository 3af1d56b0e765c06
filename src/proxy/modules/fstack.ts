/** Workers on F-Stack: `fstack_conf` and `kernel_network_stack` as in F-Stack's nginx, the rest is ours (docs/fstack.md). */
import { checkIni, ownAddresses } from '../../fstack-binding/check-ini.ts';
import { hasDeviceForItself } from '../../fstack-binding/devices.ts';
import { fstackLibrary } from '../../fstack-binding/fstack.ts';
import { Ini } from '../../fstack-binding/ini.ts';
import type { WorkerStackSettings } from '../cluster/settings.ts';
import type { Compiler } from '../conf/compile/compiler.ts';
import { HTTP_SERVER, HTTP_SERVER_LOCATION, MAIN, ONE, ONE_OR_TWO } from '../conf/contexts.ts';
import { isWildcard } from '../conf/listen.ts';
import type { Scope } from '../conf/scope.ts';
import type { Statement } from '../conf/statement.ts';
import { directive, flag, list, setting, structural, text } from './directive.ts';
import type { Module } from './module.ts';
import { readNamedFile } from './named-file.ts';

interface Use {
  readonly mode: 'on' | 'off' | 'require';
  readonly noHuge: boolean;
}

const use = directive({ name: 'fstack', contexts: MAIN, args: ONE_OR_TWO, read: readUse });
const configuration = text('fstack_conf', MAIN, undefined);
const device = list('fstack_device', MAIN, ONE, readDevice);
const idleSleep = setting<number | undefined, undefined>({
  name: 'fstack_idle_sleep',
  contexts: MAIN,
  args: ONE,
  fallback: undefined,
  read: readIdleSleep,
});

export const fstack: Module = { name: 'fstack', directives: [use, configuration, device, idleSleep] };

/** Of a server: its listeners stay with the kernel. */
export const kernelNetworkStack = structural(flag('kernel_network_stack', HTTP_SERVER, false));
/** Of a location: its connections to upstreams do. */
export const proxyKernelNetworkStack = flag('proxy_kernel_network_stack', HTTP_SERVER_LOCATION, false);

/** What workers are to come up on; undefined: the kernel. */
export function workerStack(
  main: Scope,
  workers: number,
  compiler: Compiler,
): WorkerStackSettings | undefined {
  const file = main.find(configuration);
  const said = main.find(use);
  const { mode, noHuge } = said?.value ?? { mode: file ? 'on' : 'off', noHuge: false };
  const statement = said?.statement ?? file?.statement;
  if (mode === 'off' || !statement) return undefined;
  if (!file) throw statement.fail('"fstack" needs a configuration of F-Stack: "fstack_conf"');

  const devices = main.all(device).map(({ value }) => value);
  const name = compiler.paths.besideConfiguration(file.value);
  const ini = readIni(name, file.statement, compiler);
  if (!ini) return undefined;
  for (const { message, line } of checkIni(ini, { workers, noHuge, devices })) {
    const place = line === undefined ? name : `${name}:${line}`;
    compiler.diagnostics.reportBare('emerg', `${message} in ${place}`, file.statement.place(1));
  }

  const available = compiler.platform.fstack();
  if ('missing' in available) {
    if (mode === 'require') throw statement.fail(`"fstack require": ${available.missing}`, 1);
    compiler.warn(statement, `${available.missing}, workers run on the kernel's network stack`, 1);
    return undefined;
  }
  const sleep = main.get(idleSleep);
  return {
    library: fstackLibrary(),
    name,
    required: mode === 'require',
    ini: ini.toString(),
    addresses: ownAddresses(ini),
    devices,
    exclusive: hasDeviceForItself(devices),
    noHuge,
    ...(sleep !== undefined && { idleSleep: sleep }),
  };
}

/** Whether a listener is F-Stack's; throws where it can't be. */
export function listensInUserSpace(
  address: string,
  scopes: readonly Scope[],
  stack: WorkerStackSettings | undefined,
  compiler: Compiler,
): boolean {
  if (!stack || address.startsWith('unix:') || isLoopback(address)) return false;
  const onKernel = scopes.map((scope) => scope.get(kernelNetworkStack));
  if (onKernel.every(Boolean)) return false;
  if (onKernel.some(Boolean)) {
    const statement = scopes
      .find((scope) => scope.get(kernelNetworkStack))
      ?.find(kernelNetworkStack)?.statement;
    const message = `the servers of "listen ${address}" differ in "kernel_network_stack"`;
    if (statement) throw statement.fail(message);
  }
  const host = address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  if (!isWildcard(address) && !stack.addresses.includes(host)) {
    const remedy = `add it there, or say "kernel_network_stack on"`;
    const message = `"listen ${address}" is none of F-Stack's addresses in ${stack.name}: ${remedy}`;
    const statement = scopes[0]?.opener?.statement;
    if (statement) throw statement.fail(message);
    compiler.diagnostics.reportBare('emerg', message);
  }
  return true;
}

function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address.startsWith('[::1]:');
}

function readIni(name: string, statement: Statement, compiler: Compiler): Ini | undefined {
  const parsed = Ini.parse(readNamedFile(name, statement).toString());
  if ('ini' in parsed) return parsed.ini;
  compiler.diagnostics.reportBare('emerg', `${parsed.error} in ${name}:${parsed.line}`, statement.place(1));
  return undefined;
}

function readUse(statement: Statement): Use {
  const [, mode, extra] = statement.words;
  if (mode !== 'on' && mode !== 'off' && mode !== 'require')
    throw statement.fail(
      `invalid value "${mode}" in "fstack" directive, it must be "on", "off" or "require"`,
      1,
    );
  if (extra !== undefined && extra !== 'no_huge') throw statement.fail(`invalid parameter "${extra}"`, 2);
  return { mode, noHuge: extra !== undefined };
}

/** `net_af_packet0,iface=eth1`: a driver of DPDK's with a number, and its arguments. */
function readDevice(statement: Statement): string {
  const text = statement.word(1);
  if (!/^net_[a-z_]+\d+(,[^\s,=]+=[^\s,]*)*$/.test(text)) {
    throw statement.fail(
      `invalid device "${text}", it must be as DPDK has it: "net_af_packet0,iface=eth1"`,
      1,
    );
  }
  return text;
}

/** FreeBSD's clock within F-Stack ticks every 10 ms (hz=100): no turn may wait for as long. */
const LONGEST_SLEEP = 5000;

function readIdleSleep(statement: Statement): number {
  const [, digits, unit] = /^(\d+)(us|ms|)$/.exec(statement.word(1)) ?? [];
  const microseconds = Number(digits) * (unit === 'ms' ? 1000 : 1);
  if (digits === undefined) throw statement.failDirective('invalid value', 1);
  if (microseconds > LONGEST_SLEEP) throw statement.fail(`value must be between 0 and ${LONGEST_SLEEP}us`, 1);
  return microseconds;
}
