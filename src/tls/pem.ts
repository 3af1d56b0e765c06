import { readFileSync } from 'node:fs';

/** PEM text, and what messages call it: a file's full name. */
export interface Pem {
  readonly name: string;
  /** A character a byte. */
  readonly text: string;
}

/** Why a file can't be had, in OpenSSL's words. */
export class PemError extends Error {}

const DATA = 'data:';
const STORE = 'store:';
const ENGINE = 'engine:';

/** Whether a directive names a file, and not the text itself or where else a key is. */
export function namesFile(said: string): boolean {
  return ![DATA, STORE, ENGINE].some((prefix) => said.startsWith(prefix));
}

/**
 * What a directive such as `ssl_certificate` names: a file, `data:` with the text itself, or for a key `store:` with
 * the URI of where OpenSSL finds it, or `engine:` with an engine and what that calls it. `full` completes names of files.
 */
export function readPem(said: string, full: (name: string) => string): Pem {
  if (said.startsWith(DATA)) return { name: said, text: said.slice(DATA.length) };
  if (said.startsWith(STORE) || said.startsWith(ENGINE)) return { name: said, text: '' };
  const name = full(said);
  try {
    return { name, text: readFileSync(Buffer.from(name, 'latin1'), 'latin1') };
  } catch (error) {
    throw new PemError(`BIO_new_file() failed ${openingFailed(name, error)}`);
  }
}

/** The two errors that BIO_new_file() leaves behind. */
function openingFailed(name: string, error: unknown): string {
  const { errno = 0, message } = error as NodeJS.ErrnoException;
  const words = SYSTEM_WORDS[-errno] ?? message;
  const system = `error:${(0x80000000 - errno).toString(16).padStart(8, '0')}:system library::${words}`;
  const bio =
    errno === -2 ? 'error:10000080:BIO routines::no such file' : 'error:10080002:BIO routines::system lib';
  return `(SSL: ${system}:calling fopen(${name}, r) ${bio})`;
}

const SYSTEM_WORDS: Readonly<Record<number, string>> = {
  2: 'No such file or directory',
  13: 'Permission denied',
  20: 'Not a directory',
  21: 'Is a directory',
  24: 'Too many open files',
};
