import type { Addon } from '../../fstack-binding/addon.ts';

/** nginx's form of a system error: `(98: Address already in use)`; other errors' own message in parentheses. */
export function systemErrorText(addon: Addon, error: unknown): string {
  const errno = errorNumber(error);
  if (errno !== undefined) return `(${errno}: ${addon.systemErrorText(errno)})`;
  return `(${error instanceof Error ? error.message : String(error)})`;
}

/** The positive errno of an error of Node or of the addon. */
export function errorNumber(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errno' in error) || typeof error.errno !== 'number') return undefined;
  return -error.errno;
}
