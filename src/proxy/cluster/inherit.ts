/** Sockets across a binary upgrade: the environment variable `NGINX` lists them, as `3;4;`. Either side may be nginx itself. */
import type { Log } from './error-log.ts';

export const INHERITED_VARIABLE = 'NGINX';

export function formatInherited(fds: readonly number[]): string {
  return fds.map((fd) => `${fd};`).join('');
}

/** The numbers in the variable's value; what isn't one ends the list, and is said in the log. */
export function parseInherited(value: string, log: Log): number[] {
  const fds: number[] = [];
  let start = 0;
  for (let i = 0; i < value.length; i++) {
    if (value[i] !== ';' && value[i] !== ':') continue;
    const word = value.slice(start, i);
    if (!/^\d+$/.test(word)) {
      log.write(
        'emerg',
        `invalid socket number "${value.slice(start)}" in ${INHERITED_VARIABLE} environment variable, ignoring the rest of the variable`,
      );
      return fds;
    }
    fds.push(Number(word));
    start = i + 1;
  }
  if (start !== value.length) {
    log.write(
      'emerg',
      `invalid socket number "${value.slice(start)}" in ${INHERITED_VARIABLE} environment variable, ignoring`,
    );
  }
  return fds;
}
