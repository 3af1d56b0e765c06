import t from 'tap';
import type { Log } from '../../src/proxy/cluster/error-log.ts';
import { formatLine } from '../../src/proxy/cluster/error-log.ts';
import { formatInherited, parseInherited } from '../../src/proxy/cluster/inherit.ts';

function recorder(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  return { lines, write: (level, message) => void lines.push(`[${level}] ${message}`) };
}

t.test('the NGINX variable is written as nginx writes it, and read as nginx reads it', (t) => {
  t.equal(formatInherited([3, 4, 17]), '3;4;17;');
  t.equal(formatInherited([]), '');
  const log = recorder();
  t.same(parseInherited('3;4;17;', log), [3, 4, 17]);
  t.same(parseInherited('6:7;', log), [6, 7], 'a colon separates too');
  t.same(log.lines, []);
  t.end();
});

t.test('what is not a number ends the list with nginx words', (t) => {
  const log = recorder();
  t.same(parseInherited('3;x;5;', log), [3]);
  t.same(parseInherited('3;4', log), [3]);
  t.same(log.lines, [
    '[emerg] invalid socket number "x;5;" in NGINX environment variable, ignoring the rest of the variable',
    '[emerg] invalid socket number "4" in NGINX environment variable, ignoring',
  ]);
  t.end();
});

t.test('a log line has the form that log shippers parse', (t) => {
  const line = formatLine('notice', 'exit', new Date(2026, 0, 2, 3, 4, 5));
  t.equal(line, `2026/01/02 03:04:05 [notice] ${process.pid}#${process.pid}: exit\n`);
  t.end();
});
