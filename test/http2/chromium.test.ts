import { readFileSync } from 'node:fs';
import t from 'tap';
import { Chromium } from '../support/chromium.ts';
import { eventually } from '../support/eventually.ts';
import { startHttp2 } from './http2.ts';

const SCRIPTS = Array.from({ length: 20 }, (_, i) => `/script-${i}.js`);
const PAGE = `<!doctype html><title>before</title><link rel=stylesheet href=/style.css><link rel=icon href=data:,>
<img src=/image.svg><body>${SCRIPTS.map((path) => `<script src=${path}></script>`).join('')}`;

t.test('Chromium loads a page and all that it names over one connection', async (t) => {
  const { sluice, securePort } = await startHttp2(
    t,
    `location / { root .; index page.html; }
     location = /image.svg { default_type image/svg+xml; return 200 '<svg xmlns="http://www.w3.org/2000/svg"/>'; }
     location = /style.css { default_type text/css; return 200 "body { color: rgb(1, 2, 3) }"; }
     location /script- { default_type text/javascript; return 200 "document.title = '$http2';"; }
     location = /connection { return 200 "$connection $connection_requests $server_protocol"; }`,
    {
      http: 'types { text/html html; } log_format seen "$connection $http2 $ssl_protocol $request"; access_log seen.log seen;',
      files: { 'page.html': PAGE },
    },
  );
  const identity = readFileSync(sluice.path('certificate'), 'latin1');
  const browser = await Chromium.start(t, { trusted: [identity] });
  const page = await browser.page();
  const origin = `https://127.0.0.1:${securePort}`;
  await page.open(`${origin}/`);
  t.equal(await page.evaluate('document.title'), 'h2', 'the scripts have run');
  t.equal(await page.evaluate('getComputedStyle(document.body).color'), 'rgb(1, 2, 3)');
  t.match(
    await page.evaluate("fetch('/connection').then((response) => response.text())"),
    /^\d+ \d+ HTTP\/2\.0$/,
  );
  const paths = ['/', '/style.css', '/image.svg', '/connection', ...SCRIPTS];
  const protocols = await page.evaluate(
    "performance.getEntries().filter((each) => 'nextHopProtocol' in each).map((each) => each.nextHopProtocol)",
  );
  t.same(
    protocols,
    paths.map(() => 'h2'),
    'as the browser has it',
  );
  const log = await eventually('the log', () => {
    const lines = readFileSync(sluice.path('seen.log'), 'latin1').trim().split('\n');
    return lines.length >= paths.length ? lines : undefined;
  });
  t.same(
    log.map((line) => line.replace(/^\d+ /, '')).sort(),
    paths.map((path) => `h2 TLSv1.3 GET ${path} HTTP/2.0`).sort(),
  );
  t.equal(new Set(log.map((line) => line.split(' ')[0])).size, 1, 'one connection');
});
