import { readFileSync } from 'node:fs';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { RawClient } from '../support/raw-client.ts';
import { serve } from './serving.ts';

t.test('fields of one name become one value; cookies and arguments are found by name', async (t) => {
  const { body } = await serve(
    t,
    `server { listen LISTEN;
      location /fields { return 200 "$http_x_one|$http_cookie|$http_none"; }
      location /cookie { return 200 "$cookie_a|$cookie_b"; }
      location /arg { return 200 "$arg_a|$arg_bc|$arg_"; }
    }`,
  );
  t.equal(await body('/fields', 'X-One: 1', 'Cookie: a=1', 'x-ONE: 2', 'Cookie: b=2'), '1, 2|a=1; b=2|');
  t.equal(await body('/cookie', 'Cookie: aa=0; A = 1 ;b=2', 'Cookie: a=3'), '1 |2');
  t.equal(await body('/arg?xa=0&A=%31&a=2&bc&bc=3&=4'), '%31|3|');
});

t.test('the target is shown as it came, the URI as it was understood', async (t) => {
  const { body } = await serve(
    t,
    `server { listen LISTEN; server_name here;
      return 200 "$request_uri|$uri|$args|$is_args|$host|$http_host|$request_port|$is_request_port|$server_protocol|$request";
    }`,
  );
  t.equal(
    await body('/a%20b/../c?d=%20#e'),
    '/a%20b/../c?d=%20#e|/c|d=%20|?|localhost|localhost|||HTTP/1.1|GET /a%20b/../c?d=%20#e HTTP/1.1',
  );
  t.equal(
    await body('http://Name:81/a?b', 'Host: other'),
    '/a?b|/a|b|?|name|other|81|:|HTTP/1.1|GET http://Name:81/a?b HTTP/1.1',
  );
  t.match(await body('http://name?b', 'Host: other'), /^\?b\|\/\|b\|\?\|name\|/);
  t.match(await body('http://name', 'Host: other'), /^\/\|\/\|\|\|name\|/);
});

t.test('$args and $limit_rate can be set', async (t) => {
  const { body, sluice } = await serve(
    t,
    `server { listen LISTEN;
      location /args { set $args "x=$arg_a"; return 200 "$args|$arg_x|$query_string"; }
      location /rate { set $limit_rate $arg_r; return 200 $limit_rate; }
    }`,
  );
  t.equal(await body('/args?a=1'), 'x=1|1|x=1');
  t.equal(await body('/rate?r=4k'), '4096');
  t.equal(await body('/rate?r=x'), '0');
  t.match(sluice.errorLog(), 'invalid $limit_rate "x"');
});

t.test('who asks, and with what credentials', async (t) => {
  const { body, port } = await serve(
    t,
    'server { listen LISTEN; return 200 "$remote_addr|$remote_user|$server_addr:$server_port|$scheme|$https"; }',
  );
  const rest = `127.0.0.1:${port}|http|`;
  const basic = (credentials: string): string =>
    `Authorization: basic ${Buffer.from(credentials).toString('base64')}`;
  t.equal(await body('/'), `127.0.0.1||${rest}`);
  t.equal(await body('/', basic('user:pass:word')), `127.0.0.1|user|${rest}`);
  t.equal(await body('/', basic('user')), `127.0.0.1||${rest}`);
  t.equal(await body('/', 'Authorization: Basic ?'), `127.0.0.1||${rest}`);
});

t.test('what was sent shows in the access log', async (t) => {
  const { answer, port, sluice } = await serve(
    t,
    `log_format sent '$status|$body_bytes_sent|$bytes_sent|$sent_http_content_length|$sent_http_location|$sent_http_x|'
       '$request_completion|$connection_requests|$pipe|$request_length|$request_method';
     server { listen LISTEN; access_log access.log sent;
      location / { add_header X 1; add_header X 2; return 200 text; }
      location /to { return 302 /other; }
      location /close { return 444; }
    }`,
  );
  const lines: string[] = [];
  const line = async (): Promise<string | undefined> => {
    lines.push('');
    const all = (): string[] => readFileSync(sluice.path('access.log'), 'latin1').trim().split('\n');
    await eventually('a line in the log', () => all().length === lines.length && all()[0] !== '');
    return all().at(-1);
  };
  const first = await answer('/');
  t.equal(await line(), `200|4|${first.length}|4|-|1, 2|OK|1|.|54|GET`);
  const second = await answer('/to');
  t.match(await line(), `302|145|${second.length}|145|http://localhost:${port}/other|-|OK|1|.|`);
  await answer('/close');
  t.match(await line(), '444|0|0|-|-|-||1|.|');

  const client = new RawClient(port);
  client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await client.end();
  lines.push('');
  t.match(await line(), /^200\|4\|\d+\|4\|-\|1, 2\|OK\|2\|p\|47\|GET$/);
});

t.test('a request has an identifier of its own, the same wherever it is asked for', async (t) => {
  const { body } = await serve(t, 'server { listen LISTEN; return 200 "$request_id $request_id"; }');
  const seen = new Set<string>();
  for (let count = 0; count < 40; count++) {
    const text = await body('/');
    t.match(text, /^([0-9a-f]{32}) \1$/);
    seen.add(text);
  }
  t.equal(seen.size, 40);
});

t.test('times have their forms', async (t) => {
  const { body } = await serve(
    t,
    'server { listen LISTEN; return 200 "$msec|$time_iso8601|$time_local|$request_time|$connection_time"; }',
  );
  const text = await body('/');
  t.match(
    text,
    /^\d{10}\.\d{3}\|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d\|\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\|\d\.\d{3}\|\d\.\d{3}$/,
  );
  t.ok(Math.abs(Number(text.split('|')[0]) * 1000 - Date.now()) < 5000);
});

t.test('where files are', async (t) => {
  const { body, sluice } = await serve(
    t,
    `server { listen LISTEN; root docs;
      location / { return 200 "$document_root|$request_filename|$realpath_root"; }
      location /var { root ./$arg_d; return 200 "$document_root|$request_filename"; }
      location /alias/ { alias other/; return 200 "$document_root|$request_filename"; }
    }`,
    { 'plain.txt': '' },
  );
  const at = sluice.directory;
  t.equal(await body('/x?d=1'), `${at}/docs|${at}/docs/x|`, 'no such folder');
  t.match(sluice.errorLog(), `realpath() "${at}/docs" failed (2: No such file or directory)`);
  t.equal(await body('/var/x?d=1'), `${at}/./1|${at}/./1/var/x`);
  t.equal(await body('/alias/x'), `${at}/other/|${at}/other/x`);
});
