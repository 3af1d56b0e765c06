import type { Index } from '../../plan/plan.ts';
import type { UpstreamPlan } from '../../plan/upstream.ts';
import { type Address, resolveAddress } from '../address.ts';
import type { Platform } from '../platform.ts';
import type { Statement } from '../statement.ts';

/** Groups of peers: those that `upstream` blocks declare, and one for each address that a proxy is pointed at. */
export class UpstreamTable {
  readonly #platform: Platform;
  readonly #plans: UpstreamPlan[] = [];
  /** By name in lower case. */
  readonly #declared = new Map<string, Index>();
  readonly #implicit = new Map<string, Index>();

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** An `upstream` block. */
  declare(plan: UpstreamPlan, statement: Statement): Index {
    const key = plan.name.toLowerCase();
    if (this.#declared.has(key)) throw statement.fail(`duplicate upstream "${plan.name}"`, 1);
    const position = this.#plans.push(plan) - 1;
    this.#declared.set(key, position);
    return position;
  }

  /** The group that an address means: the block of that name, or one for the address itself, whose host is looked up now. */
  of(address: Address, statement: Statement, word = 1): Index {
    const host = address.kind === 'unix' ? `unix:${address.path}` : address.host;
    const declared = this.#declared.get(host.toLowerCase());
    if (declared !== undefined) {
      if (address.kind === 'unix' || address.noPort) return declared;
      throw statement.fail(`upstream "${host}" may not have port ${address.port}`, word);
    }
    const server = address.kind === 'unix' ? host : `${host}:${address.port}`;
    const known = this.#implicit.get(server.toLowerCase());
    if (known !== undefined) return known;
    const addresses = resolveAddress(address, this.#platform);
    if (addresses.length === 0) throw statement.fail(`host not found in upstream "${host}"`, word);
    const peer = { server, addresses, weight: 1, maxConns: 0, maxFails: 1, failTimeout: 10_000 };
    const port = address.kind === 'unix' ? undefined : address.port;
    const position =
      this.#plans.push({ name: host, ...(port && { port }), balancer: 'round_robin', peers: [peer] }) - 1;
    this.#implicit.set(server.toLowerCase(), position);
    return position;
  }

  plan(): readonly UpstreamPlan[] {
    return this.#plans;
  }
}
