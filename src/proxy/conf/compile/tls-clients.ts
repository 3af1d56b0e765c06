import { createHash } from 'node:crypto';
import { encodeCbor } from '../../plan/cbor.ts';
import type { Index } from '../../plan/plan.ts';
import type { TlsClientPlan } from '../../plan/upstream.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { Platform } from '../platform.ts';
import type { Statement } from '../statement.ts';

/** How connections to upstreams are secured; blocks that say the same share a position. */
export class TlsClientTable {
  readonly #platform: Platform;
  readonly #diagnostics: Diagnostics;
  readonly #plans: (TlsClientPlan & { readonly fingerprint: string })[] = [];
  /** By fingerprint; undefined: it was found wrong. */
  readonly #known = new Map<string, Index | undefined>();

  constructor(platform: Platform, diagnostics: Diagnostics) {
    this.#platform = platform;
    this.#diagnostics = diagnostics;
  }

  /** Undefined, once reported, if no context can be made of the settings. */
  add(settings: TlsClientPlan, statement: Statement | undefined): Index | undefined {
    const encoded = encodeCbor(settings);
    const fingerprint = createHash('sha256').update(encoded).digest('base64');
    if (this.#known.has(fingerprint)) return this.#known.get(fingerprint);
    const fault = this.#platform.checkTls(encoded);
    if (fault !== undefined) this.#diagnostics.reportBare('emerg', fault, statement?.place(1));
    const position = fault === undefined ? this.#plans.push({ ...settings, fingerprint }) - 1 : undefined;
    this.#known.set(fingerprint, position);
    return position;
  }

  plan(): readonly TlsClientPlan[] {
    return this.#plans;
  }
}
