import { mkdirSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { freePort } from '../support/free-port.ts';
import { get, RawClient } from '../support/raw-client.ts';
import { type Cleanup, type Sluice, startSluice } from '../support/sluice.ts';

const BIG = Array.from({ length: 40_000 }, (_, index) => `${index}\n`).join('');
const MODIFIED = new Date('2026-01-02T03:04:05Z');

async function startSite(t: Cleanup, server: string, http = ''): Promise<{ sluice: Sluice; port: number }> {
  const port = await freePort();
  const sluice = await startSluice(t, {
    config: `events {} http { access_log off; ${http} server { listen 127.0.0.1:${port}; ${server} } }`,
  });
  mkdirSync(sluice.path('html/sub'), { recursive: true });
  write(sluice, 'page.html', 'a page');
  write(sluice, 'big.bin', BIG);
  write(sluice, 'sub/page.txt', 'below');
  return { sluice, port };
}

function write(sluice: Sluice, name: string, content: string): void {
  writeFileSync(sluice.path(`html/${name}`), content);
  utimesSync(sluice.path(`html/${name}`), MODIFIED, MODIFIED);
}

t.test('files', async (t) => {
  const { sluice, port } = await startSite(
    t,
    `
      absolute_redirect off;
      location /typed/ { alias html/; types { text/x-page html; } default_type text/x-other; }
      location ~ ^/by-name/(.*)$ { alias html/$1; }
      location /no-etag/ { alias html/; etag off; }
      location /rewritten/ { alias html/; rewrite ^ /page.html break; }
      location /silent/ { root html; log_not_found off; }
    `,
  );

  t.test('a small file, with its type, time and entity tag', async (t) => {
    const response = await get(port, '/page.html');
    t.equal(response.status, 200);
    t.equal(response.body, 'a page');
    t.same(response.headers.get('content-type'), ['text/html']);
    t.same(response.headers.get('last-modified'), ['Fri, 02 Jan 2026 03:04:05 GMT']);
    t.same(response.headers.get('etag'), ['"695735a5-6"']);
    t.same(response.headers.get('accept-ranges'), ['bytes']);
  });

  t.test('a large file', async (t) => {
    const response = await get(port, '/big.bin');
    t.equal(response.body, BIG);
  });

  t.test('an empty file', async (t) => {
    write(sluice, 'empty', '');
    const response = await get(port, '/empty');
    t.same(response.headers.get('content-length'), ['0']);
    t.equal(response.status, 200);
  });

  t.test('HEAD gets the head alone', async (t) => {
    const client = new RawClient(port).send('HEAD /big.bin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    t.same((await client.response({ head: true })).headers.get('content-length'), [String(BIG.length)]);
    t.equal(await client.end(), '');
  });

  t.test('what changed on disk is what is served', async (t) => {
    for (const content of ['one', 'two', 'something longer', 'x']) {
      write(sluice, 'changing.txt', content);
      t.equal((await get(port, '/changing.txt')).body, content);
      t.equal((await get(port, '/changing.txt')).body, content);
    }
    unlinkSync(sluice.path('html/changing.txt'));
    t.equal((await get(port, '/changing.txt')).status, 404);
  });

  t.test('several requests at once get several answers', async (t) => {
    const request = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const client = new RawClient(port);
    client.send(request('/page.html') + request('/big.bin') + request('/sub/page.txt'));
    for (const body of ['a page', BIG, 'below']) t.equal((await client.response()).body, body);
    client.close();
  });

  t.test('types and default_type go by the extension, in whatever case', async (t) => {
    write(sluice, 'UPPER.HTML', 'x');
    t.same((await get(port, '/typed/page.html')).headers.get('content-type'), ['text/x-page']);
    t.same((await get(port, '/typed/UPPER.HTML')).headers.get('content-type'), ['text/x-page']);
    t.same((await get(port, '/typed/big.bin')).headers.get('content-type'), ['text/x-other']);
  });

  t.test('an alias in a location by expression names the file', async (t) => {
    t.equal((await get(port, '/by-name/sub/page.txt')).body, 'below');
  });

  t.test('etag off', async (t) => t.notOk((await get(port, '/no-etag/page.html')).headers.has('etag')));

  t.test('a directory is redirected to, escaped and with its arguments', async (t) => {
    mkdirSync(sluice.path('html/a b'));
    const response = await get(port, '/a%20b?x=1');
    t.equal(response.status, 301);
    t.same(response.headers.get('location'), ['/a%20b/?x=1']);
    t.same((await get(port, '/typed/sub')).headers.get('location'), ['/typed/sub/']);
  });

  t.test('only GET and HEAD', async (t) => {
    for (const [method, status] of [
      ['POST', 405],
      ['PUT', 405],
      ['DELETE', 405],
    ] as const) {
      const client = new RawClient(port).send(
        `${method} /page.html HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
      );
      t.equal((await client.response()).status, status, method);
      client.close();
    }
  });

  t.test('what cannot be served says why in the log', async (t) => {
    t.equal((await get(port, '/missing')).status, 404);
    t.match(
      sluice.errorLog(),
      /\[error\] .*: \*\d+ open\(\) ".*\/html\/missing" failed \(2: No such file or directory\), client: 127.0.0.1, server: , request: "GET \/missing HTTP\/1.1", host: "localhost"/,
    );
    t.equal((await get(port, '/silent/missing')).status, 404);
    t.notMatch(sluice.errorLog(), 'silent');
    t.equal((await get(port, '/page.html/x')).status, 404);
    t.match(sluice.errorLog(), /failed \(20: Not a directory\)/);
    t.equal((await get(port, '/sub/')).status, 403);
    t.match(sluice.errorLog(), /\[error\] .* directory index of ".*\/html\/sub\/" is forbidden/);
    t.equal((await get(port, `/${'x'.repeat(300)}`)).status, 404);
    t.equal((await get(port, '/rewritten/page.html')).status, 500);
    t.match(
      sluice.errorLog(),
      /\[alert\] .* "alias" cannot be used in location "\/rewritten\/" where URI was rewritten/,
    );
  });
});

t.test('root may have variables', async (t) => {
  const { port } = await startSite(t, 'root html/$arg_dir;');
  t.equal((await get(port, '/page.txt?dir=sub')).body, 'below');
  t.equal((await get(port, '/page.txt?dir=other')).status, 404);
});

t.test('open_file_cache believes what it saw for a while', async (t) => {
  const { sluice, port } = await startSite(
    t,
    `
      location /long/ { alias html/; open_file_cache max=10; open_file_cache_errors on; }
      location /none/ { alias html/; open_file_cache max=10; open_file_cache_valid 0; open_file_cache_errors on; }
    `,
  );
  t.equal((await get(port, '/long/page.html')).body, 'a page');
  t.equal((await get(port, '/none/page.html')).body, 'a page');
  t.equal((await get(port, '/long/new.txt')).status, 404);
  t.equal((await get(port, '/none/new.txt')).status, 404);
  unlinkSync(sluice.path('html/page.html'));
  write(sluice, 'new.txt', 'new');
  t.equal((await get(port, '/long/page.html')).body, 'a page', 'the file that was opened');
  t.equal((await get(port, '/long/new.txt')).status, 404, 'the error that was remembered');
  t.equal((await get(port, '/none/page.html')).status, 404);
  t.equal((await get(port, '/none/new.txt')).body, 'new');
});

t.test('disable_symlinks', async (t) => {
  const { sluice, port } = await startSite(
    t,
    `
      location /on/ { alias html/; disable_symlinks on from=$document_root; }
      location /off/ { alias html/; }
    `,
  );
  symlinkSync('page.html', sluice.path('html/link.html'));
  symlinkSync('sub', sluice.path('html/linked'));
  t.equal((await get(port, '/off/link.html')).body, 'a page');
  t.equal((await get(port, '/off/linked/page.txt')).body, 'below');
  t.equal((await get(port, '/on/page.html')).body, 'a page');
  t.equal((await get(port, '/on/sub/page.txt')).body, 'below');
  t.equal((await get(port, '/on/link.html')).status, 403);
  t.not((await get(port, '/on/linked/page.txt')).status, 200);
});
