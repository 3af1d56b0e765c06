/** Loads configurations from text, on a machine that answers the same everywhere. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigurationError, type Diagnostic } from '../../src/proxy/conf/diagnostics.ts';
import { type LoadedConfiguration, type LoadSettings, loadConfiguration } from '../../src/proxy/conf/load.ts';
import type { Platform } from '../../src/proxy/conf/platform.ts';

/** Refuses what JavaScript refuses, close enough to PCRE2 for configurations in tests. */
export const platform: Platform = {
  checkRegex(pattern) {
    try {
      const names = Array.from(
        pattern.matchAll(/\(\?P?<(\w+)>/g),
        ([, name = ''], index) => [index + 1, name] as const,
      );
      new RegExp(pattern.replaceAll('(?P<', '(?<'));
      return { captures: names.length, names };
    } catch {
      return { error: 'missing closing parenthesis', offset: pattern.length };
    }
  },
  checkTls: () => undefined,
  resolveHost: (name) => (name === 'localhost' ? ['127.0.0.1', '::1'] : []),
  userId: (name) => ({ root: 0, nobody: 65534 })[name],
  groupId: (name) => ({ root: 0, nobody: 65534, nogroup: 65534 })[name],
  fstack: () => ({ version: 'DPDK 23.11' }),
  superuser: true,
  cpus: 4,
};

/** A folder with files in it, removed by `remove`. */
export function folder(files: Readonly<Record<string, string>>): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'sluice-conf-'));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text, 'latin1');
  }
  return { path, remove: () => rmSync(path, { recursive: true }) };
}

export interface Outcome {
  readonly loaded: LoadedConfiguration | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Texts of the errors, with the folder's name taken out. */
  readonly errors: readonly string[];
}

/** Loads nginx.conf among `files`, or the text itself. */
export function load(
  files: string | Readonly<Record<string, string>>,
  settings: LoadSettings & { directives?: string; platform?: Platform } = {},
): Outcome {
  const { path, remove } = folder(typeof files === 'string' ? { 'nginx.conf': files } : files);
  const { directives, platform: machine = platform, ...rest } = settings;
  const options = {
    prefix: path,
    configuration: 'nginx.conf',
    ...(directives !== undefined && { directives }),
  };
  try {
    const loaded = loadConfiguration(options, machine, rest);
    return { loaded, diagnostics: loaded.diagnostics, errors: [] };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const { diagnostics } = error;
    const errors = diagnostics.flatMap(({ level, message }) =>
      level === 'emerg' ? [message.replaceAll(`${path}/`, '')] : [],
    );
    return { loaded: undefined, diagnostics, errors };
  } finally {
    remove();
  }
}

/** A whole configuration around what stands in `http`. */
export function http(text: string): string {
  return `events {}\nhttp {\n${text}\n}\n`;
}
