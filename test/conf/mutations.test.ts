import t from 'tap';
import { http, load } from './configuration.ts';

const CONFIGURATION = http(`
  include mime.types; types { text/html html htm; }
  map $uri $mapped { default 0; ~^/a(?<rest>.*) $rest; "/b" "c d"; }
  error_page 404 =200 /missing$is_args; error_page 500 502 @fallback;
  log_format short '$remote_addr "$request" \${status}';
  server { listen 127.0.0.1:8080 default_server backlog=5; listen [::1]:8080; server_name a.com *.b.com ~^c\\.;
    root www; client_max_body_size 5m; keepalive_timeout 30s 20s;
    location / { if ($mapped ~* "x y") { return 302 https://$host$request_uri; } rewrite ^/(.*)$ /$1 last; }
    location = /exact { internal; } location ~* \\.php$ { limit_except GET { deny all; } alias /p/$mapped; }
    location @fallback { try_files $uri /index.html =404; } }`);

const PIECES = [
  '{',
  '}',
  ';',
  '"',
  "'",
  '\\',
  '$',
  '#',
  '${',
  ' ',
  '\n',
  '\xff',
  '=',
  '~',
  '@',
  'server',
  'location',
  '0',
  '-',
];

t.test('whatever a configuration turns into, it is read or refused', async (t) => {
  let state = 1;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % limit;
  };
  let refused = 0;
  for (let round = 0; round < 500; round++) {
    let text = CONFIGURATION;
    for (let changes = 1 + below(5); changes > 0; changes--) {
      const at = below(text.length);
      const piece = PIECES[below(PIECES.length)] ?? '';
      const skipped = below(3) === 0 ? below(40) : 0;
      text = text.slice(0, at) + piece + text.slice(at + skipped);
    }
    // anything but a refusal is thrown on
    if (load({ 'nginx.conf': text, 'mime.types': 'types { text/css css; }' }).errors.length > 0) refused++;
  }
  t.ok(refused > 100, `${refused} of 500 refused`);
  t.same(load({ 'nginx.conf': CONFIGURATION, 'mime.types': 'types { text/css css; }' }).errors, []);
});
