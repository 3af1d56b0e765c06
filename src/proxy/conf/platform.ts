import { availableParallelism } from 'node:os';
import type { Addon } from '../../fstack-binding/addon.ts';
import { describeFstack } from '../../fstack-binding/fstack.ts';

/** What reading a configuration asks of the machine; tests give answers of their own. */
export interface Platform {
  /** Compiles an expression as the data plane will (PCRE2). */
  checkRegex(pattern: string, caseless: boolean): RegexCheck;
  /** Makes a TLS context of what the data plane is to get (native/tls/settings.h, CBOR); what is wrong, or undefined. */
  checkTls(settings: Uint8Array): string | undefined;
  /** Numeric addresses of a host name, IPv4 first as the system orders them; empty if there are none. */
  resolveHost(name: string): readonly string[];
  /** Numeric id, or undefined if there is no such user. */
  userId(name: string): number | undefined;
  groupId(name: string): number | undefined;
  /** The F-Stack that this Sluice was built with, or why there is none. */
  fstack(): { readonly version: string } | { readonly missing: string };
  readonly superuser: boolean;
  readonly cpus: number;
}

export type RegexCheck =
  | {
      /** How many capture groups there are. */
      readonly captures: number;
      /** Numbers of groups with their names. */
      readonly names: readonly (readonly [number, string])[];
    }
  | { readonly error: string; readonly offset: number };

export function platformFrom(addon: Addon): Platform {
  return {
    checkRegex: (pattern, caseless) => addon.checkRegex(pattern, caseless),
    checkTls: (settings) => addon.checkTls(settings) ?? undefined,
    resolveHost: (name) => addon.resolveHost(name),
    userId: (name) => addon.lookUpUser(name)?.uid,
    groupId: (name) => addon.lookUpGroup(name) ?? undefined,
    fstack: () => describeFstack(() => addon),
    superuser: process.geteuid?.() === 0,
    cpus: availableParallelism(),
  };
}
