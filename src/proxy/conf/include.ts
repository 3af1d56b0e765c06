import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** A name as configuration text holds it, a character a byte, for the file system. */
export function fileName(name: string): Buffer {
  return Buffer.from(name, 'latin1');
}

/** A whole file, a character a byte. */
export function readText(name: string): string {
  return readFileSync(fileName(name), 'latin1');
}

/** Whether an include names files by a pattern. */
export function isPattern(name: string): boolean {
  return /[*?[]/.test(name);
}

/** The files that a pattern means, sorted by their bytes, as glob(3) finds them: `*`, `?`, `[a-z]`, `[!a-z]`, `\`. */
export function filesMatching(pattern: string): string[] {
  let found = [pattern.startsWith('/') ? '/' : ''];
  const parts = pattern.split('/').filter((part) => part !== '');
  for (const [index, part] of parts.entries()) {
    const separator = index < parts.length - 1 ? '/' : '';
    const names = isPattern(part)
      ? (folder: string) => namesIn(folder).filter(matcher(part))
      : (folder: string) => (existsSync(fileName(folder + part)) ? [part] : []);
    found = found.flatMap((folder) => names(folder).map((name) => folder + name + separator));
  }
  // byte order: the strings hold bytes
  return found.sort((a, b) => (a < b ? -1 : 1));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(fileName(folder === '' ? '.' : folder), 'latin1');
  } catch {
    return [];
  }
}

/** As in a shell, a leading dot is matched by a dot alone. */
function matcher(part: string): (name: string) => boolean {
  const expression = part.replace(/\\(.)|\[(!?)(\]?[^\]]*)\]|[\s\S]/g, (whole, escaped, negated, members) => {
    if (members !== undefined) return `[${negated ? '^' : ''}${members.replace(/[\\\][]/g, '\\$&')}]`;
    if (whole === '*') return '.*';
    if (whole === '?') return '.';
    return (escaped ?? whole).replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  });
  let regex: RegExp;
  try {
    regex = new RegExp(`^${expression}$`, 's');
  } catch {
    return () => false; // such as [z-a]
  }
  return (name) => (part.startsWith('.') || !name.startsWith('.')) && regex.test(name);
}
