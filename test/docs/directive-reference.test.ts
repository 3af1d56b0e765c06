import { readFileSync } from 'node:fs';
import t from 'tap';
import { DEFAULTS, DIFFERENCES } from '../../docs/directive-notes.ts';
import { directiveReference, REFERENCE_FILE } from '../../docs/directive-reference.ts';
import { HINTS } from '../../src/proxy/conf/hints.ts';

function namesOf(status: string): Set<string> {
  const rows = directiveReference().matchAll(/^\| `(\S+)` (?:\|[^|]*){2}\| (.*?) \|.*\|$/gm);
  return new Set([...rows].flatMap(([, name = '', found]) => (found === status ? [name] : [])));
}

t.test('docs/directives.md is what the tables say; else "npm run docs" brings it up to date', async (t) => {
  t.equal(readFileSync(REFERENCE_FILE, 'utf8'), directiveReference());
});

t.test('every note belongs to a directive that is supported', async (t) => {
  const supported = namesOf('yes');
  for (const name of [...DEFAULTS.keys(), ...DIFFERENCES.keys()]) t.ok(supported.has(name), name);
});

t.test('every hint belongs to a directive of nginx', async (t) => {
  const hints = namesOf('hint');
  for (const name of HINTS.keys()) t.ok(hints.has(name), name);
});
