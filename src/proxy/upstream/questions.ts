/** What data threads ask about names; the other side is native/proxy/upstream_exchange.cc and upstream_group.cc. */
import type { Log } from '../cluster/error-log.ts';
import type { ResolverPlan, ResolverText } from '../plan/upstream.ts';
import { dnsError } from './dns-client.ts';
import { type Resolver, resolveErrorText, resolverFor } from './resolver.ts';

/** Ways back to the data thread. */
export interface Replies {
  answer(question: number, payload: Uint8Array): void;
  tell(topic: string, payload: Uint8Array): void;
}

/** A name whose addresses the data thread wants to be told of, now and whenever they change. */
interface Watch {
  readonly topic: string;
  readonly name: string;
  readonly service: string;
}

const LEAST_RETRY_MS = 1_000;

export class NameQuestions {
  readonly #replies: Replies;
  readonly #log: Log;

  constructor(replies: Replies, log: Log) {
    this.#replies = replies;
    this.#log = log;
  }

  /** `resolve`: a resolver and a name, a line each. `watch`: topic, resolver, name, service. */
  ask(id: number, kind: string, payload: Buffer): void {
    const words = payload.toString('latin1').split('\n');
    if (kind === 'resolve') {
      const [resolver = '', name = ''] = words;
      void this.#resolve(id, resolver, name);
    } else if (kind === 'watch') {
      const [topic = '', resolver = '', name = '', service = ''] = words;
      this.#replies.answer(id, Buffer.from('0'));
      void this.#watch({ topic, name, service }, resolver);
    } else {
      this.#replies.answer(id, new Uint8Array());
    }
  }

  async #resolve(id: number, text: ResolverText, name: string): Promise<void> {
    const resolver = resolverFor(text);
    const known = resolver.recall(name);
    const { code, addresses } = known ?? (await resolver.lookUp(name));
    const ordered = known ? rotated(addresses) : addresses;
    const answer = code === 0 ? ['0', ...ordered].join('\n') : resolveErrorText(code);
    this.#replies.answer(id, Buffer.from(answer, 'latin1'));
  }

  /** Goes on for as long as the process lives. */
  async #watch(watch: Watch, text: ResolverText): Promise<void> {
    const resolver = resolverFor(text);
    const { timeout } = JSON.parse(text) as ResolverPlan;
    let told: string | undefined;
    for (;;) {
      const { code, lines, validUntil } = await this.#look(watch, resolver);
      const news = lines.join('\n');
      // what fails to be found is gone; what fails otherwise may come back
      const known = code === 0 || code === dnsError.notFound;
      if (known && news !== told) {
        this.#replies.tell(watch.topic, Buffer.from(news, 'latin1'));
        told = news;
      }
      const wait = known
        ? Math.max(validUntil - Date.now(), 0) + LEAST_RETRY_MS
        : Math.max(timeout, LEAST_RETRY_MS);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  async #look(
    { name, service }: Watch,
    resolver: Resolver,
  ): Promise<{ code: number; lines: string[]; validUntil: number }> {
    if (service === '') {
      const { code, addresses, validUntil } = await resolver.lookUp(name);
      if (code !== 0) this.#log.write('error', `${name} could not be resolved (${resolveErrorText(code)})`);
      return { code, lines: addresses.map((address) => `${address} 0 primary`), validUntil };
    }
    const { code, addresses, failures, validUntil } = await resolver.lookUpService(service, name);
    for (const failure of failures) {
      const reason = resolveErrorText(failure.code);
      const message = `${failure.name} could not be resolved (${reason}) while resolving service ${service} of ${name}`;
      this.#log.write('error', message);
    }
    if (code !== 0) {
      this.#log.write(
        'error',
        `service ${service} of ${name} could not be resolved (${resolveErrorText(code)})`,
      );
    }
    // of a service's servers those of the lowest priority value are asked first, the others stand by (RFC 2782)
    const best = Math.min(...addresses.map(({ priority }) => priority));
    const lines = addresses.map(
      ({ address, priority, weight }) => `${address} ${weight} ${priority === best ? 'primary' : 'backup'}`,
    );
    return { code, lines, validUntil };
  }
}

/**
 * Requests take addresses in the order in which they get them. That of a fresh answer is the name server's; of what is
 * remembered each request begins somewhere else, by chance, so that all share it. As in nginx.
 */
function rotated(addresses: readonly string[]): readonly string[] {
  const first = Math.floor(Math.random() * addresses.length);
  return [...addresses.slice(first), ...addresses.slice(0, first)];
}
