/** Names with wildcards as nginx takes them: `name`, `*.suffix`, `prefix.*`, and `.suffix`, which stands for the name as well. */
export interface HostNamesPlan<T> {
  readonly exact: readonly (readonly [string, T])[];
  /** `.example.com` stands for `*.example.com`. */
  readonly suffix: readonly (readonly [string, T])[];
  /** `www.example.` stands for `www.example.*`. */
  readonly prefix: readonly (readonly [string, T])[];
}

export class HostNames<T> {
  readonly #exact = new Map<string, T>();
  readonly #suffix = new Map<string, T>();
  readonly #prefix = new Map<string, T>();

  /** Adds a name in lower case; undefined if that went well. */
  add(name: string, value: T): 'invalid' | 'conflicting' | undefined {
    if (!isValid(name)) return 'invalid';
    if (name.startsWith('*.')) return insert(value, [this.#suffix, name.slice(1)]);
    if (name.startsWith('.') && name !== '.') {
      return insert(value, [this.#exact, name.slice(1)], [this.#suffix, name]);
    }
    if (name.endsWith('.*')) return insert(value, [this.#prefix, name.slice(0, -1)]);
    return this.addExact(name, value);
  }

  /** Adds a name in which `*` and dots have no meaning. */
  addExact(name: string, value: T): 'conflicting' | undefined {
    return insert(value, [this.#exact, name]);
  }

  plan(): HostNamesPlan<T> {
    return { exact: [...this.#exact], suffix: [...this.#suffix], prefix: [...this.#prefix] };
  }
}

function insert<T>(value: T, ...places: readonly [Map<string, T>, string][]): 'conflicting' | undefined {
  if (places.some(([names, key]) => names.has(key))) return 'conflicting';
  for (const [names, key] of places) names.set(key, value);
  return undefined;
}

/** At most one `*`, at either end; no empty label. */
function isValid(name: string): boolean {
  if (/\*.*\*|\.\.|\0/s.test(name)) return false;
  const star = name.indexOf('*');
  if (star < 0) return true;
  return (
    name.length > 2 && ((star === 0 && name[1] === '.') || (star === name.length - 1 && name.endsWith('.*')))
  );
}
