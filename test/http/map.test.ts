import t from 'tap';
import { serve } from './serving.ts';

t.test('names come before expressions, and whatever the case; the default is for the rest', async (t) => {
  const { body } = await serve(
    t,
    `map $arg_k $v { default "none $1"; Word word; ~^w(.*)$ "w+$1"; ~*^N(?<rest>.*)$ "n+$rest"; "" nothing; \\~x tilde; }
     server { listen LISTEN; return 200 "$v"; }`,
  );
  t.equal(await body('/?k=WORD'), 'word');
  t.equal(await body('/?k=works'), 'w+orks');
  t.equal(await body('/?k=nab'), 'n+ab');
  t.equal(await body('/?k=Nab'), 'n+ab');
  t.equal(await body('/?k=Works'), 'none ');
  t.equal(await body('/?k='), 'nothing');
  t.equal(await body('/'), 'nothing');
  t.equal(await body('/?k=~x'), 'tilde');
});

t.test('with hostnames the longest wildcard wins, and a final dot does not count', async (t) => {
  const { body } = await serve(
    t,
    `map $http_x $v { hostnames; default none; .example.com both; *.b.example.com deeper; www.example.* tail; a.b.example.com exact; }
     server { listen LISTEN; return 200 $v; }`,
  );
  const names = [
    'example.com',
    'x.EXAMPLE.com.',
    'x.b.example.com',
    'a.b.example.com',
    'www.example.org',
    'example.org',
  ];
  t.same(await Promise.all(names.map((name) => body('/', `X: ${name}`))), [
    'both',
    'both',
    'deeper',
    'exact',
    'tail',
    'none',
  ]);
});

t.test('a map is computed once a request, a volatile one at every use', async (t) => {
  const { body } = await serve(
    t,
    `map $args $kept { default $args; }
     map $args $volatile { volatile; default $args; }
     server { listen LISTEN; set $a "$kept $volatile"; set $args b; return 200 "$a $kept $volatile"; }`,
  );
  t.equal(await body('/?a'), 'a a a b');
});

t.test('a map that needs itself is an error in the log, and empty', async (t) => {
  const { body, sluice } = await serve(
    t,
    'map $b $a { default "a$b"; }\nmap $a $b { default "b$a"; }\nserver { listen LISTEN; return 200 "[$a]"; }',
  );
  t.match(await body('/'), /^\[[ab]*\]$/);
  t.match(sluice.errorLog(), 'cycle while evaluating variable "');
});
