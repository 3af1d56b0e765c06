/** Folders for temporary files, such as `client_body_temp_path`: made by the master, owned by the workers' user. */
import { chmodSync, chownSync, mkdirSync, statSync } from 'node:fs';
import type { Addon } from '../../fstack-binding/addon.ts';
import { pathBytes } from './descriptors.ts';
import type { Log } from './error-log.ts';
import { systemErrorText } from './system-error.ts';

const OWNER_ALL = 0o700;

/** A folder could not be made ready; the reason is in the log. */
export class TempFolderError extends Error {}

export function openTempFolders(paths: readonly string[], owner: number, addon: Addon, log: Log): void {
  for (const path of paths) {
    attempt(`mkdir() "${path}"`, () => makeFolder(path), addon, log);
    if (process.geteuid?.() !== 0) continue;
    const { uid, gid, mode } = statSync(pathBytes(path));
    if (uid !== owner) {
      attempt(`chown("${path}", ${owner})`, () => chownSync(pathBytes(path), owner, gid), addon, log);
    }
    if ((mode & OWNER_ALL) !== OWNER_ALL) {
      attempt(`chmod() "${path}"`, () => chmodSync(pathBytes(path), mode | OWNER_ALL), addon, log);
    }
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(pathBytes(path), OWNER_ALL);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

function attempt(what: string, step: () => void, addon: Addon, log: Log): void {
  try {
    step();
  } catch (cause) {
    const message = `${what} failed ${systemErrorText(addon, cause)}`;
    log.write('emerg', message);
    throw new TempFolderError(message, { cause });
  }
}
