// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is how nginx writes variables
import t from 'tap';
import { Refusal } from '../../src/proxy/conf/diagnostics.ts';
import { Lexer } from '../../src/proxy/conf/lexer.ts';
import { Source } from '../../src/proxy/conf/source.ts';
import type { Statement } from '../../src/proxy/conf/statement.ts';

function statements(text: string): Statement[] {
  const lexer = new Lexer(new Source('nginx.conf', text), { next: 0 });
  const found: Statement[] = [];
  for (;;) {
    const statement = lexer.next();
    if (statement.terminator === 'end of file') return found;
    found.push(statement);
  }
}

function refusal(text: string): string {
  try {
    statements(text);
  } catch (error) {
    if (error instanceof Refusal) return `${error.message} in line ${error.place?.line}`;
    throw error;
  }
  return 'nothing';
}

/** Numbers that are the same in every run, so that a failure can be looked into. */
function* random(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

t.test('words, quotes, escapes and comments are cut as nginx cuts them', async (t) => {
  const cases: [string, string[]][] = [
    ['a b  c\t\n d;', ['a', 'b', 'c', 'd']],
    ['a "b c" \'d "e\';', ['a', 'b c', 'd "e']],
    ['a "b\\"c" \'d\\\'e\' "\\\\";', ['a', 'b"c', "d'e", '\\']],
    ['a b\\tc\\nd\\re;', ['a', 'b\tc\nd\re']],
    ['a \\.php$ \\;x;', ['a', '\\.php$', '\\;x']],
    ['a b#c # comment ; { }\n d;', ['a', 'b#c', 'd']],
    ['a ${b}c $d{', ['a', '${b}c', '$d']],
    ['a ${{b}c;', ['a', '${{b}c']],
    ['if ($a = "b") {', ['if', '($a', '=', 'b', ')']],
    ['a"b"c d\'e;', ['a"b"c', "d'e"]],
    ['a "";', ['a', '']],
    ['a b}c;', ['a', 'b}c']],
    ['\xe4\xff "\xc3\xa4";', ['\xe4\xff', '\xc3\xa4']],
    ['a {', ['a']],
  ];
  for (const [text, words] of cases) t.same(statements(text)[0]?.words, words, text);
});

t.test('what is no statement is refused in nginx’s words, with its line', async (t) => {
  const cases: [string, string][] = [
    ['\n;', 'unexpected ";" in line 2'],
    ['{', 'unexpected "{" in line 1'],
    ['a\n}', 'unexpected "}" in line 2'],
    ['a "b"c;', 'unexpected "c" in line 1'],
    ['a\n\nb', 'unexpected end of file, expecting ";" or "}" in line 3'],
    ['a "b\n;', 'unexpected end of file, expecting ";" or "}" in line 2'],
    ['a "b"', 'unexpected end of file, expecting ";" or "}" in line 1'],
    [`\na ${'x'.repeat(4097)};`, 'too long parameter "xxxxxxxxxx..." started in line 2'],
    [
      `\na "${'x\n'.repeat(2049)}";`,
      'too long parameter, probably missing terminating """ character in line 2',
    ],
    [
      `\na '${'x'.repeat(4097)}';`,
      'too long parameter, probably missing terminating "\'" character in line 2',
    ],
    [`\n#${'x'.repeat(5000)}\na;`, 'too long parameter "#xxxxxxxxx..." started in line 2'],
  ];
  for (const [text, message] of cases) t.equal(refusal(text), message, JSON.stringify(text.slice(0, 40)));
  t.equal(refusal(`a ${'x'.repeat(4095)};`), 'nothing', '4096 bytes with what ends them fit');
  t.match(refusal(`a ${'x'.repeat(4096)};`), 'too long parameter');
});

t.test('a statement’s line is that of its end, and words know their place', async (t) => {
  const [first, second] = statements('\na\n b "c\nd"\n;\n e {');
  t.equal(first?.line, 5);
  t.equal(second?.line, 6);
  t.equal(first?.place(2).source.lineAt(first.place(2).offset), 3);
});

t.test('random words come back as they went in', async (t) => {
  const numbers = random(42);
  const below = (limit: number): number => Math.floor(numbers.next().value * limit);
  const alphabet = ' \t\n\r;{}#$"\'\\()=ab\xff';
  for (let round = 0; round < 2000; round++) {
    const words = Array.from({ length: 1 + below(6) }, () =>
      Array.from({ length: below(12) }, () => alphabet.charAt(below(alphabet.length))).join(''),
    );
    const quote = (word: string): string => {
      const mark = below(2) === 0 ? '"' : "'";
      return mark + word.replace(/["'\\]/g, '\\$&') + mark;
    };
    const text = `${words.map(quote).join(below(2) === 0 ? ' ' : '\n#c\n ')} ;`;
    const found = statements(text);
    if (found.length !== 1 || JSON.stringify(found[0]?.words) !== JSON.stringify(words)) {
      t.same(found[0]?.words, words, JSON.stringify(text));
    }
  }
  t.pass('2000 lists of words');
});

t.test('random bytes are refused or cut, and never hang', async (t) => {
  const numbers = random(7);
  const below = (limit: number): number => Math.floor(numbers.next().value * limit);
  for (let round = 0; round < 3000; round++) {
    const text = Array.from({ length: below(200) }, () =>
      String.fromCharCode(below(3) === 0 ? ' \n;{}#$"\'\\'.charCodeAt(below(10)) : below(256)),
    ).join('');
    const lexer = new Lexer(new Source('nginx.conf', text), { next: 0 });
    // every call takes at least a character, so there cannot be more of them
    for (let calls = 0; ; calls++) {
      if (calls > text.length + 1) throw new Error(`no end of ${JSON.stringify(text)}`);
      try {
        if (lexer.next().terminator === 'end of file') break;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        lexer.recover();
      }
    }
  }
  t.pass('3000 texts');
});
