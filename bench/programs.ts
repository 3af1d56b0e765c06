/** Programs of the benchmarks' own in C++, compiled when they are first wanted, and when their sources have changed. */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CLIENT_CORE, output } from './processes.ts';

export const RESULTS = join(import.meta.dirname, 'results');

interface Program {
  readonly name: string;
  /** In bench/: a file, or a folder of files. */
  readonly source: string;
  readonly libraries?: readonly string[];
}

export const ORIGIN: Program = { name: 'origin', source: 'origin.cc' };

export const HTTP3_CLIENT: Program = {
  name: 'h3load',
  source: 'h3load',
  libraries: ['ngtcp2', 'ngtcp2_crypto_gnutls', 'gnutls', 'nghttp3'],
};

/** Returns the path of a program that can be started. */
export async function compiled({ name, source, libraries = [] }: Program): Promise<string> {
  const path = join(import.meta.dirname, source);
  const sources = source.endsWith('.cc') ? [path] : readdirSync(path).map((file) => join(path, file));
  const program = join(RESULTS, name);
  mkdirSync(RESULTS, { recursive: true });
  if (sources.some((file) => modified(file) > modified(program))) {
    await output(CLIENT_CORE, process.env.CXX ?? 'g++', [
      ...['-std=c++20', '-O2', '-pthread', '-o', program],
      ...sources.filter((file) => file.endsWith('.cc')),
      ...libraries.map((library) => `-l${library}`),
    ]);
  }
  return program;
}

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
