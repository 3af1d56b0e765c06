import { getSystemErrorMessage } from 'node:util';

/** Where the C library's words are not what libuv says with a capital. */
const C_LIBRARY: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
};

/** A system error as nginx, by way of the C library, prints it: `(2: No such file or directory)`. */
export function errnoText(error: unknown): string {
  if (!(error instanceof Error)) return `(${String(error)})`;
  const { errno, code = '' } = error as NodeJS.ErrnoException;
  if (errno === undefined) return `(${error.message})`;
  const words = getSystemErrorMessage(errno);
  return `(${-errno}: ${C_LIBRARY[code] ?? words.charAt(0).toUpperCase() + words.slice(1)})`;
}
