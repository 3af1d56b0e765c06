/** Writes docs/directives.md from the tables that the configuration is read by: `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KnownDirective, knownDirectives, knownNames } from '../src/proxy/conf/catalog.ts';
import * as contexts from '../src/proxy/conf/contexts.ts';
import { ANYWHERE, type Contexts } from '../src/proxy/conf/contexts.ts';
import { HINTS } from '../src/proxy/conf/hints.ts';
import type { Buffers, Directive, Setting } from '../src/proxy/modules/directive.ts';
import { CORE_MODULES, HTTP_MODULES } from '../src/proxy/modules/index.ts';
import { DEFAULTS, DIFFERENCES } from './directive-notes.ts';

export const REFERENCE_FILE = join(import.meta.dirname, 'directives.md');

const CONTEXT_NAMES: readonly (readonly [Contexts, string])[] = [
  [contexts.MAIN, 'main'],
  [contexts.EVENTS, 'events'],
  [contexts.HTTP, 'http'],
  [contexts.SERVER, 'server'],
  [contexts.LOCATION, 'location'],
  [contexts.SERVER_IF, 'if in server'],
  [contexts.LOCATION_IF, 'if in location'],
  [contexts.LIMIT_EXCEPT, 'limit_except'],
  [contexts.UPSTREAM, 'upstream'],
  [contexts.STREAM, 'stream'],
  [contexts.STREAM_SERVER, 'stream server'],
  [contexts.STREAM_UPSTREAM, 'stream upstream'],
  [contexts.MAIL, 'mail'],
  [contexts.MAIL_SERVER, 'mail server'],
];

/** One row of the reference. */
interface Row {
  readonly module: string;
  readonly name: string;
  readonly contexts: Contexts;
  readonly supported: boolean;
  /** The value where no one says it. */
  readonly fallback?: string | undefined;
}

export function directiveReference(): string {
  const rows = allRows();
  const supported = rows.filter((row) => row.supported).length;
  const modules = Map.groupBy(rows, ({ module }) => module);
  const sections = [...modules].toSorted(bySupport).map(([module, ofModule]) => section(module, ofModule));
  return `${INTRODUCTION}
Of ${rows.length} directives ${supported} are supported, and ${rows.filter(isHint).length} are accepted without having an effect.

${sections.join('\n')}`;
}

const INTRODUCTION = `# Directives

<!-- Written by "npm run docs" from the tables in src/proxy/. -->

Every directive of open-source nginx is known, and checked for its place and arguments. What it means is told by
[nginx's documentation](https://nginx.org/en/docs/dirindex.html); here is where Sluice stands:

- **yes**: as in nginx, except for what is noted;
- **hint**: accepted with a notice, for it tunes machinery that isn't there;
- **not yet**: refused, as \`"X" directive is not supported yet\`.
`;

function allRows(): Row[] {
  const ours = [...CORE_MODULES, ...HTTP_MODULES].flatMap(({ name: module, directives }) =>
    directives.map((directive) => ({
      module,
      name: directive.name,
      contexts: directive.contexts,
      supported: true,
      fallback: DEFAULTS.get(directive.name) ?? fallbackText(directive),
    })),
  );
  // The reader itself sees to it.
  ours.push({ module: 'core', name: 'include', contexts: ANYWHERE, supported: true, fallback: undefined });
  const others = [...knownNames()].flatMap((name) =>
    knownDirectives(name)
      .map((known) => withoutOurs(known, ours))
      .filter((row) => row.contexts !== 0),
  );
  return [...ours, ...others];
}

/** What is left of nginx's directive where we don't have it. */
function withoutOurs(known: KnownDirective, ours: readonly Row[]): Row {
  const covered = ours.filter(({ name }) => name === known.name).reduce((sum, row) => sum | row.contexts, 0);
  return {
    module: known.module,
    name: known.name,
    contexts: known.contexts & ~covered & ANYWHERE,
    supported: false,
  };
}

function section(module: string, rows: readonly Row[]): string {
  const lines = rows
    .toSorted((a, b) => a.name.localeCompare(b.name, 'en'))
    .map(
      (row) =>
        `| ${[`\`${row.name}\``, place(row), defaultText(row), status(row), notes(row)].join(' | ')} |`,
    );
  return `## ${module}\n\n| directive | where | default | | notes |\n| --- | --- | --- | --- | --- |\n${lines.join('\n')}\n`;
}

/** Modules with something in them first, in the tables' order. */
function bySupport([, a]: [string, readonly Row[]], [, b]: [string, readonly Row[]]): number {
  return Number(b.some(({ supported }) => supported)) - Number(a.some(({ supported }) => supported));
}

function place(row: Row): string {
  if (row.contexts === ANYWHERE) return 'anywhere';
  return CONTEXT_NAMES.filter(([context]) => row.contexts & context)
    .map(([, name]) => name)
    .join(', ');
}

function isHint(row: Row): boolean {
  return HINTS.has(row.name);
}

function status(row: Row): string {
  if (isHint(row)) return 'hint';
  return row.supported ? 'yes' : 'not yet';
}

function notes(row: Row): string {
  return HINTS.get(row.name) ?? (row.supported ? DIFFERENCES.get(row.name) : undefined) ?? '';
}

function defaultText({ fallback }: Row): string {
  return fallback === undefined ? '' : `\`${fallback}\``;
}

function fallbackText(directive: Directive<unknown>): string | undefined {
  if (!('fallback' in directive)) return undefined;
  const { fallback, unit } = directive as Setting<unknown, unknown>;
  switch (typeof fallback) {
    case 'boolean':
      return fallback ? 'on' : 'off';
    case 'number':
      if (unit === 'bytes') return bytesText(fallback);
      return unit ? durationText(fallback, unit === 'seconds' ? 1000 : 1) : String(fallback);
    case 'string':
      return fallback === '' ? undefined : fallback;
    default:
      if (Array.isArray(fallback)) return fallback.join(' ') || undefined;
      return isBuffers(fallback) ? `${fallback.number} ${bytesText(fallback.size)}` : undefined;
  }
}

function isBuffers(value: unknown): value is Buffers {
  return typeof value === 'object' && value !== null && 'number' in value && 'size' in value;
}

function bytesText(bytes: number): string {
  const units = ['', 'k', 'm'];
  let unit = 0;
  let value = bytes;
  while (value && value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value}${units[unit]}`;
}

function durationText(value: number, milliseconds: number): string {
  const total = value * milliseconds;
  if (total % 1000) return `${total}ms`;
  const hours = total / 3_600_000;
  return total && Number.isInteger(hours) ? `${hours}h` : `${total / 1000}s`;
}

if (import.meta.main) writeFileSync(REFERENCE_FILE, directiveReference());
