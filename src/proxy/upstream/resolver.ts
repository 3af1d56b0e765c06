/** Names to addresses, as nginx's resolver (https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver). */
import type { ResolverPlan, ResolverText } from '../plan/upstream.ts';
import { type Answer, DnsClient, dnsError } from './dns-client.ts';
import { type DnsRecord, isAlias, type RecordType, recordType } from './dns-message.ts';

export interface Resolution {
  /** 0, or what dnsError and RFC 1035 list. */
  readonly code: number;
  /** IPv6 in brackets. */
  readonly addresses: readonly string[];
  /** When to ask again, in ms since 1970. */
  readonly validUntil: number;
}

export interface ServiceAddress {
  /** With port. */
  readonly address: string;
  readonly priority: number;
  readonly weight: number;
}

export interface ServiceResolution {
  readonly code: number;
  readonly addresses: readonly ServiceAddress[];
  /** Targets of the service that could not be resolved. */
  readonly failures: readonly { readonly name: string; readonly code: number }[];
  readonly validUntil: number;
}

/** How long a failure counts if `valid` doesn't say. */
const FAILURE_MS = 10_000;
const MAX_ALIASES = 50;
const LARGEST_CACHE = 10_000;

export class Resolver {
  readonly #plan: ResolverPlan;
  readonly #client: DnsClient;
  readonly #cache = new Map<string, Resolution>();
  readonly #pending = new Map<string, Promise<Resolution>>();

  constructor(plan: ResolverPlan) {
    this.#plan = plan;
    this.#client = new DnsClient(plan.servers);
  }

  /** What is remembered of a name, as long as it is valid. */
  recall(text: string): Resolution | undefined {
    const name = canonical(text);
    const known = this.#cache.get(name);
    if (known && known.validUntil > Date.now()) return known;
    this.#cache.delete(name);
    return undefined;
  }

  /** Addresses of a name. Successes are remembered; who asks meanwhile waits with the first. */
  async lookUp(text: string): Promise<Resolution> {
    const known = this.recall(text);
    if (known) return known;
    const name = canonical(text);
    const pending = this.#pending.get(name) ?? this.#ask(name).finally(() => this.#pending.delete(name));
    this.#pending.set(name, pending);
    const found = await pending;
    if (found.code === 0) this.#remember(name, found);
    return found;
  }

  /** Addresses of a service (RFC 2782): `http` means `_http._tcp` of the name; what has a dot stands as it is. */
  async lookUpService(service: string, name: string): Promise<ServiceResolution> {
    const full = service.includes('.') ? `${service}.${name}` : `_${service}._tcp.${name}`;
    const { code, records } = await this.#records(full.toLowerCase(), [recordType.SRV]);
    const targets = records.filter((record) => record.type === recordType.SRV);
    const resolved = await Promise.all(
      targets.map(async (target) => ({ target, found: await this.lookUp(target.target) })),
    );
    const failures = resolved.flatMap(({ target, found }) =>
      found.code === 0 ? [] : [{ name: target.target, code: found.code }],
    );
    const addresses = resolved.flatMap(({ target: { port, priority, weight }, found }) =>
      found.addresses.map((address) => ({ address: `${address}:${port}`, priority, weight })),
    );
    if (addresses.length === 0) {
      // one target that is gone settles it, as in nginx
      const reason = failures.find((failure) => failure.code === dnsError.notFound) ?? failures[0];
      return {
        code: code || (reason?.code ?? dnsError.notFound),
        addresses,
        failures,
        validUntil: this.#afterFailure(),
      };
    }
    const validUntil = Math.min(this.#until(records), ...resolved.map(({ found }) => found.validUntil));
    return { code: 0, addresses, failures, validUntil };
  }

  async #ask(name: string): Promise<Resolution> {
    const types: RecordType[] = [];
    if (this.#plan.ipv4) types.push(recordType.A);
    if (this.#plan.ipv6) types.push(recordType.AAAA);
    const { code, records } = await this.#records(name, types);
    const addresses = records.flatMap((record) => {
      if (record.type === recordType.A) return [record.address];
      return record.type === recordType.AAAA ? [`[${record.address}]`] : [];
    });
    if (addresses.length > 0) return { code: 0, addresses, validUntil: this.#until(records) };
    return { code: code || dnsError.notFound, addresses, validUntil: this.#afterFailure() };
  }

  /**
   * What a name has of these types, and the aliases that led there, whose time counts too. As in nginx, if one
   * question fails, all have failed; and an alias is followed, for all types, when no question had what it asked
   * for: that of the last one's answer.
   */
  async #records(asked: string, types: readonly RecordType[]): Promise<Answer> {
    const deadline = Date.now() + this.#plan.timeout;
    const records: DnsRecord[] = [];
    let name = asked;
    for (let depth = 0; depth <= MAX_ALIASES; depth++) {
      const answers = await this.#client.ask(name, types, deadline);
      const failed = answers.findLast((answer) => answer.code !== 0);
      if (failed) return { code: failed.code, records: [] };
      const found = answers.flatMap((answer) => answer.records);
      records.push(...found);
      if (!found.every(isAlias)) return { code: 0, records };
      const alias = answers.at(-1)?.records.findLast(isAlias);
      if (!alias) break;
      name = alias.target;
    }
    return { code: dnsError.notFound, records: [] };
  }

  #until(records: readonly DnsRecord[]): number {
    const ttl = this.#plan.valid ?? Math.min(...records.map((record) => record.ttl)) * 1000;
    return Date.now() + ttl;
  }

  #afterFailure(): number {
    return Date.now() + (this.#plan.valid ?? FAILURE_MS);
  }

  #remember(name: string, found: Resolution): void {
    if (this.#cache.size >= LARGEST_CACHE) {
      const [oldest] = this.#cache.keys();
      if (oldest !== undefined) this.#cache.delete(oldest);
    }
    this.#cache.set(name, found);
  }
}

function canonical(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

const resolvers = new Map<ResolverText, Resolver>();

/** Of a process: whoever has the same `resolver` shares what it remembers. */
export function resolverFor(text: ResolverText): Resolver {
  let resolver = resolvers.get(text);
  if (!resolver) {
    resolver = new Resolver(JSON.parse(text) as ResolverPlan);
    resolvers.set(text, resolver);
  }
  return resolver;
}

const ERROR_TEXTS: Readonly<Record<number, string>> = {
  1: 'Format error',
  2: 'Server failure',
  3: 'Host not found',
  4: 'Unimplemented',
  5: 'Operation refused',
  110: 'Operation timed out',
};

/** nginx's `3: Host not found`. */
export function resolveErrorText(code: number): string {
  return `${code}: ${ERROR_TEXTS[code] ?? 'Unknown error'}`;
}
