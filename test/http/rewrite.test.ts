import { mkdirSync } from 'node:fs';
import t from 'tap';
import { serve } from './serving.ts';

t.test('captures are encoded again in arguments, where the client had encoded something', async (t) => {
  const { body } = await serve(
    t,
    `server { listen LISTEN;
      location / { return 200 "$uri?$args"; }
      location /last/ { rewrite ^/last/(.*)$ /to/$1?q=$1 last; }
      location /drop/ { rewrite ^/drop/(.*)$ /to/$1?q=$1? last; }
      location /gone/ { rewrite ^/gone/(.*)$ /to/$1? last; }
      location /set/ { if ($uri ~ ^/set/(.*)$) { set $x $1; } return 200 $x; }
      location /later/ { rewrite ^/later/(.*)$ /to/$1; set $x $1; return 200 $x; }
    }`,
  );
  t.equal(await body('/last/a%26b%20c'), '/to/a&b c?q=a%26b%20c');
  t.equal(await body('/last/a&b'), '/to/a&b?q=a&b', 'nothing was encoded');
  t.equal(await body('/last/a+b%2Bc?z=1'), '/to/a+b+c?q=a%2Bb%2Bc&z=1');
  t.equal(await body('/drop/x?z=1'), '/to/x?q=x');
  t.equal(await body('/gone/x?z=1'), '/to/x?');
  t.equal(await body('/set/a%26b'), 'a%26b');
  t.equal(await body('/later/a%26b'), 'a&b', 'a rewrite has taken place');
});

t.test('a redirect is decoded as far as it stays printable, and keeps the arguments', async (t) => {
  const { answer } = await serve(
    t,
    `server { listen LISTEN; absolute_redirect off;
      rewrite ^/http/(.*)$ http://a.example/$1;
      rewrite (?s)^/raw/(.*)$ http://a.example/$1;
      rewrite ^/query/(.*)$ /to?q=$1 redirect;
      rewrite ^/drop/(.*)$ /to/$1? permanent;
      location /scheme { return $scheme://b.example$request_uri; }
      location /308 { return 308 /x; }
    }`,
  );
  const location = async (target: string): Promise<string | undefined> =>
    /^HTTP\/1.1 (\d+).*\r\nLocation: ([^\r]*)\r\n/s
      .exec(await answer(target))
      ?.slice(1)
      .join(' ');
  t.equal(await location('/http/a%20b%2Bc?x'), '302 http://a.example/a%20b+c?x');
  t.equal(await location('/raw/a%0Ab'), '302 http://a.example/a%0Ab', 'no line can be broken');
  t.equal(await location('/query/v?x=1'), '302 /to?q=v&x=1');
  t.equal(await location('/drop/v?x=1'), '301 /to/v');
  t.equal(await location('/scheme?a'), '302 http://b.example/scheme?a');
  t.equal(await location('/308'), '308 /x');
});

t.test('return sends its text with any status, and the status alone gets its page', async (t) => {
  const { answer } = await serve(
    t,
    `server { listen LISTEN; default_type text/x-any;
      location /text { return 404 "no $arg_what"; }
      location /page { return 404; }
      location /own { error_page 404 /text; return 404; }
      location /empty { return 200; }
      location /204 { return 204; }
      location /444 { return 444; }
      location ~ \\.html$ { return 200 ok; }
    }`,
  );
  t.match(await answer('/text?what=luck'), /^HTTP\/1.1 404 .*Content-Type: text\/x-any\r\n.*no luck$/s);
  t.match(await answer('/page'), '<h1>404 Not Found</h1>');
  t.match(await answer('/own?what=page'), /^HTTP\/1.1 404 .*no $/s);
  t.match(await answer('/empty'), /^HTTP\/1.1 200 OK\r\n.*Content-Length: 0\r\n/s);
  t.notMatch(await answer('/204'), 'Content-');
  t.equal(await answer('/444'), '', 'the connection is closed without an answer');
  t.match(await answer('/a.html'), 'Content-Type: text/html');
});

t.test('conditions: truth, comparison, expressions, files', async (t) => {
  const { body, sluice } = await serve(
    t,
    `server { listen LISTEN; set $r "";
      location /true { if ($arg_a) { return 200 yes; } return 200 no; }
      location /equal { if ($arg_a = "x$arg_b") { return 200 yes; } return 200 no; }
      location /unequal { if ($arg_a != $arg_b) { return 200 yes; } return 200 no; }
      location /match { if ($args ~* "a=(B+)") { return 200 "yes $1"; } return 200 "no$1"; }
      location /file {
        set $f $document_root/$arg_f;
        if (-f $f) { set $r "\${r}f"; } if (!-f $f) { set $r "\${r}F"; }
        if (-d $f) { set $r "\${r}d"; } if (-e $f) { set $r "\${r}e"; }
        if (-x $f) { set $r "\${r}x"; } if (!-e $f) { set $r "\${r}E"; }
        root .; return 200 $r;
      }
    }`,
    { plain: '' },
  );
  mkdirSync(sluice.path('dir'));
  t.same(await Promise.all(['?a=1', '?a=0', '?a=00', '?a=', ''].map((args) => body(`/true${args}`))), [
    'yes',
    'no',
    'yes',
    'no',
    'no',
  ]);
  t.equal(await body('/equal?a=x1&b=1'), 'yes');
  t.equal(await body('/equal?a=x1&b=2'), 'no');
  t.equal(await body('/unequal?a=1&b=2'), 'yes');
  t.equal(await body('/unequal'), 'no');
  t.equal(await body('/match?a=bBc'), 'yes bB');
  t.equal(await body('/match?a=c'), 'no');
  t.equal(await body('/file?f=plain'), 'fe');
  t.equal(await body('/file?f=dir'), 'Fdex');
  t.equal(await body('/file?f=none'), 'FE');
});

t.test('break ends the program; an if in a location changes its configuration', async (t) => {
  const { answer, body } = await serve(
    t,
    `server { listen LISTEN;
      location /stop { set $v A; if ($arg_a) { set $v B; break; } set $v C; return 200 $v; }
      location /conf { add_header X-From location; if ($arg_a) { add_header X-From if; } root .; }
      location /stay/ { rewrite ^/stay/(.*)$ /end/$1 break; return 200 never; }
      location /end/ { return 200 end; }
      location /next/ { rewrite ^/next/ /end/; return 200 "here $uri"; }
    }`,
    { conf: 'content' },
  );
  t.match(await answer('/stop?a=1'), /^HTTP\/1.1 404 /, 'nothing is left but files');
  t.equal(await body('/stop'), 'C');
  t.match(await answer('/conf?a=1'), 'X-From: if\r\n');
  t.match(await answer('/conf'), 'X-From: location\r\n');
  t.match(await answer('/stay/x'), /^HTTP\/1.1 404 /);
  t.equal(await body('/next/x'), 'here /end/');
});

t.test('a cycle of rewrites ends with 500 after ten rounds', async (t) => {
  const { answer, sluice } = await serve(t, 'server { listen LISTEN; location /a { rewrite ^ /a$uri; } }');
  t.match(await answer('/a'), /^HTTP\/1.1 500 /);
  t.match(sluice.errorLog(), 'rewrite or internal redirection cycle while processing "/a');
});

t.test(
  'the log tells of rewrites where rewrite_log is on, and of variables used before they are set',
  async (t) => {
    const { body, sluice } = await serve(
      t,
      `server { listen LISTEN;
      location /on { rewrite_log on; rewrite ^/none$ /x; rewrite ^/on(.*)$ /y$1?a=b; return 200 $uri; }
      location /off { rewrite ^/off(.*)$ /z$1; return 200 $uri; }
      location /unset { return 200 "[$late]"; set $late 1; }
      location /quiet { uninitialized_variable_warn off; return 200 "[$later]"; set $later 1; }
    }`,
    );
    t.equal(await body('/on/1?c'), '/y/1');
    t.equal(await body('/off/1'), '/z/1');
    t.equal(await body('/unset'), '[]');
    t.equal(await body('/quiet'), '[]');
    const log = sluice.errorLog();
    t.match(log, '[notice]');
    t.match(log, '"^/none$" does not match "/on/1", client: ');
    t.match(log, '"^/on(.*)$" matches "/on/1", client: ');
    t.match(log, 'rewritten data: "/y/1", args: "a=b&c", client: ');
    t.notMatch(log, '/z');
    t.match(log, /\[warn\] .* using uninitialized "late" variable, client: /);
    t.notMatch(log, '"later"');
  },
);
