import t from 'tap';
import type { RewriteProgram } from '../../src/proxy/plan/http.ts';
import { http, load } from './configuration.ts';

const server = (text: string): string => http(`server { ${text} }`);

/** nginx's messages; without the file's name, which all of them end with. */
const MESSAGES: [string, string][] = [
  ['rewrite a "";', 'empty replacement'],
  ['rewrite a b c;', 'invalid parameter "c"'],
  ['rewrite ( b;', 'pcre2_compile() failed: missing closing parenthesis in "("'],
  ['rewrite a;', 'invalid number of arguments in "rewrite" directive'],
  ['return a;', 'invalid return code "a"'],
  ['return http://a b;', 'invalid return code "http://a"'],
  ['return 1000;', 'invalid return code "1000"'],
  ['return -1;', 'invalid return code "-1"'],
  ['return 200 $;', 'invalid variable name'],
  ['set a b;', 'invalid variable name "a"'],
  ['set $ b;', 'invalid variable name "$"'],
  ['set $host b;', 'the duplicate "host" variable'],
  ['if $a { }', 'invalid condition "$a"'],
  ['if ($a { }', 'invalid condition "$a"'],
  ['if (a) { }', 'invalid condition "a"'],
  ['if ($) { }', 'invalid condition "$"'],
  ['if () { }', 'invalid condition ")"'],
  ['if ($uri =) { }', 'invalid condition "$uri"'],
  ['if ($uri = a b) { }', 'invalid condition "$uri"'],
  ['if ($uri == a) { }', 'unexpected "==" in condition'],
  ['if ($uri !~~ a) { }', 'unexpected "!~~" in condition'],
  ['if (-z a) { }', 'invalid condition "-z"'],
  ['if (-f a b) { }', 'invalid condition "-f"'],
  ['if (-f) { }', 'invalid condition "-f"'],
  ['if ($uri ~ "(" ) { }', 'pcre2_compile() failed: missing closing parenthesis in "("'],
  ['if ($uri) { if ($uri) { } }', '"if" directive is not allowed here'],
  ['if ($uri) { root a; }', '"root" directive is not allowed here'],
];

t.test('a wrong rewrite directive is refused in nginx’s words', async (t) => {
  for (const [text, message] of MESSAGES)
    t.equal(load(server(text)).errors[0], `${message} in nginx.conf:3`, text);
  t.equal(load(server('if ($nosuch) { }')).errors[0], 'unknown "nosuch" variable');
  t.equal(load(server('if ($1) { }')).errors[0], 'unknown "1" variable');
});

function program(text: string): RewriteProgram | undefined {
  const { loaded, errors } = load(server(text));
  if (!loaded) throw new Error(errors.join('\n'));
  return loaded.plan.http?.servers[0]?.rewrite;
}

t.test('a replacement is split into URI and arguments; a final ? drops the request’s own', async (t) => {
  t.match(program('rewrite ^/(.*) /x/$1?a=$1&b=? last;'), [
    { op: 'rewrite', replacement: ['/x/', -2], args: ['a=', -2, '&b='], flag: 'last', dropArgs: true },
  ]);
  t.match(program('rewrite ^ http://a/?b last;'), [
    { replacement: 'http://a/?b', hasQuery: true, flag: 'redirect' },
  ]);
  t.match(program('rewrite ^ $scheme://a permanent;'), [{ flag: 'permanent' }]);
});

t.test('the parentheses of a condition may stand apart', async (t) => {
  const expected = program('if ($uri = a) { break; }');
  t.match(expected, [{ op: 'if', condition: { test: 'equal', value: 'a' }, body: [{ op: 'break' }] }]);
  t.same(program('if ( $uri = a ) { break; }'), expected);
  t.match(program('if (!-d /tmp) { }'), [{ condition: { test: 'directory', path: '/tmp', not: true } }]);
  t.match(program('if ($uri !~* x) { }'), [{ condition: { test: 'match', not: true } }]);
});

t.test('an if in a location has a block of its own, one in a server has none', async (t) => {
  const { loaded } = load(server('if ($uri) { break; } location / { if ($uri) { root /a; } }'));
  const compiled = loaded?.plan.http?.servers[0];
  const inServer = compiled?.rewrite?.[0];
  const location = compiled?.locations.prefix[0]?.[1];
  const inLocation = location?.rewrite?.[0];
  t.notOk(inServer && 'block' in inServer);
  t.ok(inLocation && 'block' in inLocation && inLocation.block !== location?.block);
});

t.test('a variable that set makes is known everywhere, whatever the order', async (t) => {
  const { loaded } = load(
    http('server { return 200 $later; }\nserver { location / { if ($uri) { set $Later 1; } } }'),
  );
  t.same(
    loaded?.plan.variables.map(({ name }) => name).filter((name) => name === 'later'),
    ['later'],
  );
});
