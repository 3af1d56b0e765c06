/**
 * Numbers, sizes and times as nginx writes them (https://nginx.org/en/docs/syntax.html).
 * All return undefined for text that isn't one; what nginx accepts beyond 2^53 becomes Number.MAX_SAFE_INTEGER.
 */

const LARGEST = 2n ** 63n - 1n;

/** Decimal digits, nothing else. */
export function parseNumber(text: string): number | undefined {
  return scaled(text, 1n);
}

/** Bytes, with an optional `k` or `m`. */
export function parseSize(text: string): number | undefined {
  return withUnit(text, { k: 1n << 10n, m: 1n << 20n });
}

/** As parseSize, and `g`: for what may exceed memory, such as a file. */
export function parseOffset(text: string): number | undefined {
  return withUnit(text, { k: 1n << 10n, m: 1n << 20n, g: 1n << 30n });
}

/** Milliseconds: `1h 30m`, `500ms`; a bare number counts seconds. Weeks are the longest unit. */
export function parseMilliseconds(text: string): number | undefined {
  return parseTime(text, 1000n, ['w', 'd', 'h', 'm', 's', 'ms']);
}

/** Seconds: years as well, but no milliseconds. */
export function parseSeconds(text: string): number | undefined {
  return parseTime(text, 1n, ['y', 'M', 'w', 'd', 'h', 'm', 's']);
}

function withUnit(text: string, units: Readonly<Record<string, bigint>>): number | undefined {
  const scale = units[text.slice(-1).toLowerCase()];
  return scale === undefined ? scaled(text, 1n) : scaled(text.slice(0, -1), scale);
}

function scaled(digits: string, scale: bigint): number | undefined {
  if (!/^[0-9]+$/.test(digits)) return undefined;
  return digits.length < 10 ? Number(digits) * Number(scale) : bounded(BigInt(digits) * scale);
}

function bounded(value: bigint): number | undefined {
  if (value > LARGEST) return undefined;
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

const SECONDS: Readonly<Record<string, bigint>> = {
  y: 31_536_000n,
  M: 2_592_000n,
  w: 604_800n,
  d: 86_400n,
  h: 3_600n,
  m: 60n,
  s: 1n,
};

/** Units must come in falling order, each at most once; blanks may stand between them. */
function parseTime(text: string, perSecond: bigint, units: readonly string[]): number | undefined {
  const part = /([0-9]*)(ms|[yMwdhms ]|$) */y;
  let total = 0n;
  let seen = -1;
  let digitsSeen = false;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    const [, digits = '', unit = ''] = match ?? [];
    if (match === null || (match[0] === '' && part.lastIndex < text.length)) return undefined;
    // a number without a unit counts seconds, and nothing may follow it but blanks
    const rank = unit === '' || unit === ' ' ? units.length : units.indexOf(unit);
    if (rank < 0 || (unit !== '' && rank <= seen)) return undefined;
    if (unit === ' ' && seen >= units.indexOf('s')) return undefined;
    seen = rank;
    digitsSeen ||= digits !== '';
    const value = BigInt(digits === '' ? 0 : digits);
    if (value > LARGEST) return undefined;
    total += unit === 'ms' ? value : value * (SECONDS[unit] ?? 1n) * perSecond;
  }
  return digitsSeen ? bounded(total) : undefined;
}
