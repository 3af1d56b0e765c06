import { utimesSync } from 'node:fs';
import t from 'tap';
import { freePort } from '../support/free-port.ts';
import { get } from '../support/raw-client.ts';
import { startSluice } from '../support/sluice.ts';

t.test('conditional requests', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, {
    config: `events {} http { access_log off; server { listen 127.0.0.1:${port}; root .;
      location /before/ { alias ./; if_modified_since before; }
      location /off/ { alias ./; if_modified_since off; }
    } }`,
    files: { 'file.txt': 'text' },
  });
  const modified = new Date('2026-01-02T03:04:05Z');
  utimesSync(sluice.path('file.txt'), modified, modified);
  const at = (seconds: number): string => new Date(modified.getTime() + seconds * 1000).toUTCString();
  const etag = (await get(port, '/file.txt')).headers.get('etag')?.[0] ?? '';
  t.ok(etag);

  for (const [path, fields, status] of [
    ['/file.txt', [`If-Modified-Since: ${at(0)}`], 304],
    ['/file.txt', [`If-Modified-Since: ${at(1)}`], 200],
    ['/file.txt', [`If-Modified-Since: ${at(-1)}`], 200],
    ['/file.txt', ['If-Modified-Since: yesterday'], 200],
    ['/before/file.txt', [`If-Modified-Since: ${at(1)}`], 304],
    ['/before/file.txt', [`If-Modified-Since: ${at(-1)}`], 200],
    ['/off/file.txt', [`If-Modified-Since: ${at(0)}`], 200],
    ['/file.txt', [`If-None-Match: ${etag}`], 304],
    ['/file.txt', [`If-None-Match: "a", W/${etag} , "b"`], 304],
    ['/file.txt', ['If-None-Match: *'], 304],
    ['/file.txt', ['If-None-Match: "other"'], 200],
    ['/file.txt', [`If-None-Match: x${etag}`], 200],
    ['/file.txt', [`If-None-Match: ${etag}x`], 200],
    ['/file.txt', [`If-None-Match: ${etag}`, `If-Modified-Since: ${at(1)}`], 200],
    ['/file.txt', ['If-None-Match: "other"', `If-Modified-Since: ${at(0)}`], 200],
    ['/file.txt', [`If-Match: ${etag}`], 200],
    ['/file.txt', ['If-Match: *'], 200],
    ['/file.txt', [`If-Match: "a",${etag}`], 200],
    ['/file.txt', ['If-Match: "other"'], 412],
    ['/file.txt', [`If-Unmodified-Since: ${at(0)}`], 200],
    ['/file.txt', [`If-Unmodified-Since: ${at(1)}`], 200],
    ['/file.txt', [`If-Unmodified-Since: ${at(-1)}`], 412],
    ['/file.txt', ['If-Unmodified-Since: yesterday'], 412],
  ] as const) {
    t.equal((await get(port, path, fields)).status, status, `${path} ${fields.join(', ')}`);
  }

  const unchanged = await get(port, '/file.txt', [`If-None-Match: ${etag}`]);
  for (const gone of ['content-type', 'content-length', 'accept-ranges'])
    t.notOk(unchanged.headers.has(gone), gone);
  t.same(unchanged.headers.get('etag'), [etag]);
  t.same(unchanged.headers.get('last-modified'), [at(0)]);
  const failed = await get(port, '/file.txt', ['If-Match: "other"']);
  t.notOk(failed.headers.has('etag'));
  t.match(failed.body, '412 Precondition Failed');
});
