/** What DPDK leaves behind of a process that has ended, in whatever way: its run directory, and files of hugepages. */
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface DpdkPlaces {
  /** Has a folder for each prefix. */
  readonly run: string;
  /** As proc(5) has it: where hugetlbfs is mounted. */
  readonly mounts: string;
  /** As proc(5) has it: a primary process keeps its `config` locked. */
  readonly locks: string;
}

function dpdkPlaces(): DpdkPlaces {
  const directory = process.geteuid?.() === 0 ? '/var/run' : '/tmp';
  return { run: join(directory, 'dpdk'), mounts: '/proc/mounts', locks: '/proc/locks' };
}

export interface RemoveOptions extends Partial<DpdkPlaces> {
  /** It is this process that lives by it, and about to end. */
  readonly ours?: boolean;
}

/** Removes what is there in the name of `prefix`, unless a process lives by it. Nothing of it is worth an error. */
export function removeLeftovers(prefix: string, { ours = false, ...others }: RemoveOptions = {}): void {
  const places = { ...dpdkPlaces(), ...others };
  const folder = join(places.run, prefix);
  try {
    if (!ours && isLocked(join(folder, 'config'), places)) return;
    rmSync(folder, { recursive: true, force: true });
    for (const file of hugepageFiles(prefix, places)) rmSync(file, { force: true });
  } catch {
    // Who can't write there has left nothing there.
  }
}

/**
 * `12: POSIX  ADVISORY  WRITE 4711 00:19:1234 …`: device in hexadecimal, inode in decimal. The device is another than
 * stat(2)'s on an overlay: the inode decides, since something that stays is better than something that is missed.
 */
function isLocked(file: string, { locks }: DpdkPlaces): boolean {
  const inode = statSync(file, { throwIfNoEntry: false })?.ino;
  return inode !== undefined && readFileSync(locks, 'latin1').includes(`:${inode} `);
}

function* hugepageFiles(prefix: string, { mounts }: DpdkPlaces): Generator<string> {
  for (const mount of readFileSync(mounts, 'latin1').split('\n')) {
    const [, folder = '', type] = mount.split(' ');
    if (type !== 'hugetlbfs') continue;
    for (const name of readdirSync(folder)) {
      const [, owner] = /^(.+)map_\d+$/.exec(name) ?? [];
      if (owner === prefix) yield join(folder, name);
    }
  }
}
