import type { Index } from '../../plan/plan.ts';
import type { UpstreamPlan } from '../../plan/upstream.ts';
import { type Address, resolveAddress } from '../address.ts';
import type { Platform } from '../platform.ts';
import type { Statement } from '../statement.ts';

/** Groups of peers: those that `upstream` blocks declare, and one for each address that a proxy is pointed at. */
export class UpstreamTable {
  readonly #platform: Platform;
  readonly #plans: UpstreamPlan[] = [];
  readonly #declared = new Map<string, Index>();
  readonly #implicit = new Map<string, Index>();

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** An `upstream` block. */
  declare(plan: UpstreamPlan, statement: Statement): Index {
    if (this.#declared.has(plan.name)) throw statement.fail(`duplicate upstream "${plan.name}"`, 1);
    const position = this.#plans.push(plan) - 1;
    this.#declared.set(plan.name, position);
    return position;
  }

  /** The group of that name, in whatever case it is written. */
  find(name: string): Index | undefined {
    return this.#declared.get(name) ?? this.#declared.get(name.toLowerCase());
  }

  /** The group for `host:port` itself; its addresses are those of the host now. */
  implicit(address: Address, text: string, statement: Statement, word = 1): Index {
    const known = this.#implicit.get(text);
    if (known !== undefined) return known;
    const addresses = resolveAddress(address, this.#platform);
    if (addresses.length === 0) {
      throw statement.fail(`host not found in upstream "${text}"`, word);
    }
    const peer = { server: text, addresses, weight: 1, maxConns: 0, maxFails: 1, failTimeout: 10_000 };
    const position = this.#plans.push({ name: text, balancer: 'round_robin', peers: [peer] }) - 1;
    this.#implicit.set(text, position);
    return position;
  }

  plan(): readonly UpstreamPlan[] {
    return this.#plans;
  }
}
