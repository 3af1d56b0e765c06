import { utimesSync } from 'node:fs';
import t from 'tap';
import { freePort } from '../support/free-port.ts';
import { get, RawClient } from '../support/raw-client.ts';
import { startSluice } from '../support/sluice.ts';

t.test('add_header, add_trailer and expires', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, {
    config: `events {} http { access_log off;
      add_header X-Http http;
      add_trailer X-Size $body_bytes_sent;
      server { listen 127.0.0.1:${port}; root .;
        location /plain/ { alias ./; }
        location /own/ { alias ./; add_header X-Own "$uri"; add_header X-Own two; add_header X-Empty $arg_none; }
        location /merged/ { alias ./; add_header X-Own own; add_header_inherit merge;
          location /merged/again/ { alias ./; add_header X-Third third; } }
        location /cut/ { alias ./; add_header_inherit off; add_trailer_inherit off; }
        location /always { add_header X-Always yes always; add_header X-Else no; return 404; }
        location /modified/ { alias ./; add_header Last-Modified "Fri, 02 Jan 2026 00:00:00 GMT"; }

        location /hour/ { alias ./; expires 1h; }
        location /past/ { alias ./; expires -1h; }
        location /epoch/ { alias ./; expires epoch; }
        location /max/ { alias ./; expires max; }
        location /now/ { alias ./; expires 0; }
        location /since/ { alias ./; expires modified +2h; }
        location /daily/ { alias ./; expires @15h30m; }
        location /variable/ { alias ./; expires $arg_e; }
        location /kept/ { alias ./; expires off; }
      } }`,
    files: { 'file.txt': 'text' },
  });
  const modified = new Date('2026-01-02T03:04:05Z');
  utimesSync(sluice.path('file.txt'), modified, modified);
  const field = async (path: string, name: string): Promise<readonly string[] | undefined> =>
    (await get(port, path)).headers.get(name);

  t.test('fields are inherited as a whole, or merged', async (t) => {
    t.same(await field('/plain/file.txt', 'x-http'), ['http']);
    t.same(await field('/own/file.txt', 'x-own'), ['/own/file.txt', 'two']);
    t.same(await field('/own/file.txt', 'x-http'), undefined);
    t.same(await field('/own/file.txt', 'x-empty'), undefined);
    const merged = (await get(port, '/merged/again/file.txt')).headers;
    t.same(
      ['x-http', 'x-own', 'x-third'].map((name) => merged.get(name)?.[0]),
      ['http', 'own', 'third'],
    );
    t.same(await field('/cut/file.txt', 'x-http'), undefined);
  });

  t.test('errors have those that are said to be for always', async (t) => {
    t.same(await field('/always', 'x-always'), ['yes']);
    t.same(await field('/always', 'x-else'), undefined);
  });

  t.test('Last-Modified is replaced', async (t) => {
    t.same(await field('/modified/file.txt', 'last-modified'), ['Fri, 02 Jan 2026 00:00:00 GMT']);
    const known = await get(port, '/modified/file.txt', ['If-Modified-Since: Fri, 02 Jan 2026 03:04:05 GMT']);
    t.equal(known.status, 304, 'after conditions were judged by the file');
  });

  t.test('trailers follow a chunked body', async (t) => {
    const client = new RawClient(port).send(
      'GET /plain/file.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    const text = await client.end();
    t.match(text, /\r\nTransfer-Encoding: chunked\r\n/);
    t.notMatch(text, /Content-Length/);
    t.match(text, /\r\n\r\n4\r\ntext\r\n0\r\nX-Size: \d+\r\n\r\n$/);
    t.match(await field('/cut/file.txt', 'content-length'), ['4']);
  });

  t.test('expires', async (t) => {
    const cases: [string, string, number | string][] = [
      ['/hour/file.txt', 'max-age=3600', 3600],
      ['/past/file.txt', 'no-cache', -3600],
      ['/epoch/file.txt', 'no-cache', 'Thu, 01 Jan 1970 00:00:01 GMT'],
      ['/max/file.txt', 'max-age=315360000', 'Thu, 31 Dec 2037 23:55:55 GMT'],
      ['/now/file.txt', 'max-age=0', 0],
      ['/since/file.txt', 'no-cache', 'Fri, 02 Jan 2026 05:04:05 GMT'],
      ['/variable/file.txt?e=max', 'max-age=315360000', 'Thu, 31 Dec 2037 23:55:55 GMT'],
      ['/variable/file.txt?e=90', 'max-age=90', 90],
      ['/variable/file.txt?e=1m', 'max-age=60', 60],
    ];
    for (const [path, cacheControl, expires] of cases) {
      const { headers } = await get(port, path);
      t.same(headers.get('cache-control'), [cacheControl], path);
      const [text = ''] = headers.get('expires') ?? [];
      if (typeof expires === 'string') t.equal(text, expires, path);
      else t.ok(Math.abs(Date.parse(text) - Date.now() - expires * 1000) < 3000, `${path}: ${text}`);
    }
    for (const path of [
      '/kept/file.txt',
      '/variable/file.txt?e=off',
      '/variable/file.txt?e=nonsense',
      '/variable/file.txt',
    ]) {
      t.same(await field(path, 'cache-control'), undefined, path);
    }
    const daily = new Date((await field('/daily/file.txt', 'expires'))?.[0] ?? '');
    t.same([daily.getHours(), daily.getMinutes(), daily.getSeconds()], [15, 30, 0]);
    t.ok(daily.getTime() > Date.now() && daily.getTime() < Date.now() + 25 * 3_600_000);
  });
});
