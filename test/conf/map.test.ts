import t from 'tap';
import type { MapPlan } from '../../src/proxy/modules/http-map.ts';
import { http, load } from './configuration.ts';

const MESSAGES: [string, string][] = [
  ['map $uri a { }', 'invalid variable name "a"'],
  ['map $uri $ { }', 'invalid variable name "$"'],
  ['map $uri $host { }', 'the duplicate "host" variable'],
  ['map $uri { }', 'invalid number of arguments in "map" directive'],
  ['map $uri $a;', 'directive "map" has no opening "{"'],
  ['map $uri $a { b; }', 'invalid number of the map parameters'],
  ['map $uri $a { b c d; }', 'invalid number of the map parameters'],
  ['map $uri $a { default a; default b; }', 'duplicate default map parameter'],
  ['map $uri $a { b c; B d; }', 'conflicting parameter "b"'],
  ['map $uri $a { hostnames; .b c; b d; }', 'conflicting parameter "b"'],
  ['map $uri $a { hostnames; *.b c; .b d; }', 'conflicting parameter ".b"'],
  ['map $uri $a { hostnames; a.*.b c; }', 'invalid hostname or wildcard "a.*.b"'],
  ['map $uri $a { hostnames; a..b c; }', 'invalid hostname or wildcard "a..b"'],
  ['map $uri $a { ~( c; }', 'pcre2_compile() failed: missing closing parenthesis in "("'],
  ['map $uri $a { a $; }', 'invalid variable name'],
  ['map $uri $a { include nosuch; }', 'open() "nosuch" failed (2: No such file or directory)'],
];

t.test('a wrong map is refused in nginx’s words', async (t) => {
  for (const [text, message] of MESSAGES)
    t.equal(load(http(text)).errors[0], `${message} in nginx.conf:3`, text);
  t.equal(load(http('map $nosuch $a { }')).errors[0], 'unknown "nosuch" variable');
});

function compiled(text: string, files: Record<string, string> = {}): MapPlan | undefined {
  const { loaded, errors } = load({ 'nginx.conf': http(text), ...files });
  if (!loaded) throw new Error(errors.join('\n'));
  return (loaded.plan.http?.main.http_map as MapPlan[] | undefined)?.[0];
}

t.test('keys are lower case; many of them share a value', async (t) => {
  const plan = compiled('map $uri $a { A x; B y; c x; }');
  t.same(plan?.values, ['x', 'y']);
  t.same(plan?.exact, [
    ['a', 0],
    ['b', 1],
    ['c', 0],
  ]);
});

t.test('wildcards count behind hostnames only, and a backslash takes a meaning away', async (t) => {
  t.match(compiled('map $uri $a { hostnames; .a 1; *.b 2; c.* 3; \\default 4; default 5; }'), {
    hostnames: true,
    exact: [
      ['a', 0],
      ['default', 3],
    ],
    suffix: [
      ['.a', 0],
      ['.b', 1],
    ],
    prefix: [['c.', 2]],
    default: '5',
  });
  t.match(compiled('map $uri $a { *.b 2; \\volatile 1; }'), {
    exact: [
      ['*.b', 0],
      ['volatile', 1],
    ],
    suffix: [],
  });
});

t.test('entries come from included files too', async (t) => {
  t.match(compiled('map $uri $a { include a.*; }', { 'a.2': 'y 2;', 'a.1': 'x 1;' }), {
    exact: [
      ['x', 0],
      ['y', 1],
    ],
  });
});

t.test('a volatile map makes its variable volatile, even if set made it before', async (t) => {
  const { loaded } = load(http('map $uri $a { volatile; }\nserver { set $a 1; }'));
  t.same(
    loaded?.plan.variables.find(({ name }) => name === 'a'),
    { name: 'a', volatile: true },
  );
});

t.test('a map of 100,000 entries compiles within two seconds', async (t) => {
  const entries = Array.from({ length: 100_000 }, (_, index) => `key${index} value${index % 1000};`);
  const started = performance.now();
  t.equal(compiled('map $uri $a { include big; }', { big: entries.join('\n') })?.exact.length, 100_000);
  t.ok(performance.now() - started < 2000, `${Math.round(performance.now() - started)} ms`);
});
