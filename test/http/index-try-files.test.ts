import { mkdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { freePort } from '../support/free-port.ts';
import { get } from '../support/raw-client.ts';
import { startSluice } from '../support/sluice.ts';

t.test('index and try_files', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, {
    config: `events {} http { access_log off; server { listen 127.0.0.1:${port};
      absolute_redirect off;
      location /several/ { index none.html $arg_name last.html; }
      location /elsewhere/ { index none.html /found/by-index.txt; }
      location /missing/ { }
      location /aliased/ { alias html/several/; index last.html; }

      location /found/ { return 200 "$uri $args"; }
      location /try/ { try_files $uri $uri.txt /found/fallback?was=$uri; }
      location /directory/ { try_files $uri $uri/ =404; }
      location /named/ { try_files none @named; }
      location @named { return 200 "named $uri"; }
      location /status/ { try_files none =418; }
      location /try-alias/ { alias html/; try_files $uri /other.txt =404; }
      location ~ ^/try-expression/(?<name>.*)$ { alias html/$name; try_files "" /other.txt =404; }
      location /outer/ { try_files none =410; location /outer/inner/ { alias html/; } }
    } }`,
  });
  mkdirSync(sluice.path('html/several'), { recursive: true });
  mkdirSync(sluice.path('html/directory/below'), { recursive: true });
  mkdirSync(sluice.path('html/try'));
  mkdirSync(sluice.path('html/elsewhere'));
  for (const [name, text] of [
    ['several/last.html', 'last'],
    ['several/chosen.html', 'chosen'],
    ['directory/file', 'a file'],
    ['try/exact', 'exact'],
    ['try/short.txt', 'with its extension'],
    ['other.txt', 'other'],
  ] as const) {
    writeFileSync(sluice.path(`html/${name}`), text);
  }
  const body = async (path: string): Promise<string> => (await get(port, path)).body;
  const status = async (path: string): Promise<number> => (await get(port, path)).status;

  t.equal(await body('/several/?name=none'), 'last', 'the first that is there');
  t.equal(await body('/several/?name=chosen.html'), 'chosen', 'a name with variables');
  t.equal(
    await body('/elsewhere/?a=b'),
    '/found/by-index.txt a=b',
    'an absolute name is an internal redirect',
  );
  t.equal(await body('/aliased/'), 'last');
  t.equal(await status('/missing/'), 404);
  t.match(sluice.errorLog(), /\[error\] .* "\S+\/html\/missing\/index.html" is not found \(2: No such file/);

  t.equal(await body('/try/exact'), 'exact');
  t.equal(await body('/try/short'), 'with its extension');
  t.same(
    (await get(port, '/try/short')).headers.get('content-type'),
    ['text/plain'],
    'the type of what was found',
  );
  t.equal(await body('/try/none?x=y'), '/found/fallback was=/try/none');
  t.equal(await body('/directory/file'), 'a file');
  t.equal(await status('/directory/below'), 301, 'a directory, as itself');
  t.equal(await status('/directory/none'), 404);
  t.equal(await body('/named/x'), 'named /named/x');
  t.equal(await status('/status/'), 418);
  t.equal(await body('/try-alias/other.txt'), 'other');
  t.equal(await body('/try-alias/none'), 'other');
  t.equal(await body('/try-expression/other.txt'), 'other');
  t.equal(await status('/outer/x'), 410);
  t.equal(await body('/outer/inner/other.txt'), 'other', 'a nested location has no try_files from outside');
});
