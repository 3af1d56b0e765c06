import { utimesSync } from 'node:fs';
import t from 'tap';
import { freePort } from '../support/free-port.ts';
import { get, type RawResponse } from '../support/raw-client.ts';
import { startSluice } from '../support/sluice.ts';

const TEXT = '0123456789'.repeat(100);

t.test('ranges', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, {
    config: `events {} http { access_log off; server { listen 127.0.0.1:${port}; root .;
      location /two/ { alias ./; max_ranges 2; }
      location /none/ { alias ./; max_ranges 0; }
      location /large/ { alias ./; }
    } }`,
    files: { 'file.txt': TEXT, 'large.txt': TEXT.repeat(50) },
  });
  const modified = new Date('2026-01-02T03:04:05Z');
  utimesSync(sluice.path('file.txt'), modified, modified);
  const range = (value: string, path = '/file.txt', ...more: string[]): Promise<RawResponse> =>
    get(port, path, [`Range: ${value}`, ...more]);

  for (const [value, contentRange, body] of [
    ['bytes=0-8', 'bytes 0-8/1000', '012345678'],
    ['BYTES=10-11', 'bytes 10-11/1000', '01'],
    ['bytes= 5 - 6 ', 'bytes 5-6/1000', '56'],
    ['bytes=-3', 'bytes 997-999/1000', '789'],
    ['bytes=995-', 'bytes 995-999/1000', '56789'],
    ['bytes=999-5000', 'bytes 999-999/1000', '9'],
    ['bytes=-5000', 'bytes 0-999/1000', TEXT],
    ['bytes=2000-3000,1-1', 'bytes 1-1/1000', '1'],
  ] as const) {
    t.test(value, async (t) => {
      const response = await range(value);
      t.equal(response.status, 206);
      t.same(response.headers.get('content-range'), [contentRange]);
      t.equal(response.body, body);
    });
  }

  for (const value of [
    'bytes=1000-',
    'bytes=x-1',
    'bytes=1-x',
    'bytes=1',
    'bytes=1-2-3',
    'bytes=1-2,',
    'bytes=99999999999999999999-',
  ]) {
    t.test(`${value} cannot be satisfied`, async (t) => {
      const response = await range(value);
      t.equal(response.status, 416);
      t.same(response.headers.get('content-range'), ['bytes */1000']);
      t.notOk(response.headers.has('etag'));
    });
  }

  for (const value of ['lines=1-2', 'bytes', 'bytes=0-999,0-999']) {
    t.test(`${value} is ignored`, async (t) => {
      const response = await range(value);
      t.equal(response.status, 200);
      t.equal(response.body, TEXT);
      t.same(response.headers.get('accept-ranges'), ['bytes']);
    });
  }

  t.test('several parts', async (t) => {
    for (const path of ['/file.txt', '/large/large.txt']) {
      const length = path === '/file.txt' ? 1000 : 50_000;
      const response = await range('bytes=0-1, -2, 10-11', path);
      t.equal(response.status, 206);
      const [, boundary = ''] =
        /^multipart\/byteranges; boundary=(\d{20})$/.exec(response.headers.get('content-type')?.[0] ?? '') ??
        [];
      t.ok(boundary);
      t.notOk(response.headers.has('content-range'));
      const part = (from: number, to: number, text: string): string =>
        `\r\n--${boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes ${from}-${to}/${length}\r\n\r\n${text}`;
      const parts = part(0, 1, '01') + part(length - 2, length - 1, '89') + part(10, 11, '01');
      t.equal(response.body, `${parts}\r\n--${boundary}--\r\n`);
    }
  });

  t.test('max_ranges', async (t) => {
    t.equal((await range('bytes=0-1,3-4', '/two/file.txt')).status, 206);
    t.equal((await range('bytes=0-1,3-4,6-7', '/two/file.txt')).status, 200);
    const response = await range('bytes=0-1', '/none/file.txt');
    t.equal(response.status, 200);
    t.notOk(response.headers.has('accept-ranges'));
  });

  t.test('many small parts are answered by the whole', async (t) => {
    const many = Array.from({ length: 100 }, (_, index) => `${index * 2}-${index * 2}`).join(',');
    t.equal((await range(`bytes=${many}`)).status, 200);
  });

  t.test('If-Range', async (t) => {
    const etag = (await get(port, '/file.txt')).headers.get('etag')?.[0] ?? '';
    const date = modified.toUTCString();
    const later = new Date(modified.getTime() + 1000).toUTCString();
    for (const [condition, status] of [
      [etag, 206],
      ['"other"', 200],
      [date, 206],
      [later, 200],
    ] as const) {
      t.equal((await range('bytes=0-1', '/file.txt', `If-Range: ${condition}`)).status, status, condition);
    }
  });
});
