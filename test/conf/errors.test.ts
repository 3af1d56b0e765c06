import t from 'tap';
import { http, load } from './configuration.ts';

/** What nginx says of a configuration, compared with nginx itself where that has the directive. */
const MESSAGES: [string, string][] = [
  ['events {}\n\nfoo bar;', 'unknown directive "foo" in nginx.conf:3'],
  ['', 'no "events" section in configuration'],
  ['events {', 'unexpected end of file, expecting "}" in nginx.conf:1'],
  ['events {}\n}', 'unexpected "}" in nginx.conf:2'],
  ['events {}\npid', 'unexpected end of file, expecting ";" or "}" in nginx.conf:2'],
  ['events {}\npid "a"b;', 'unexpected "b" in nginx.conf:2'],
  ['events {}\nevents {}', '"events" directive is duplicate in nginx.conf:2'],
  ['events {}\npid a b;', 'invalid number of arguments in "pid" directive in nginx.conf:2'],
  ['events {}\npid\na\nb\n;', 'invalid number of arguments in "pid" directive in nginx.conf:5'],
  ['events {}\npid a {}', 'directive "pid" is not terminated by ";" in nginx.conf:2'],
  ['events;', 'directive "events" has no opening "{" in nginx.conf:1'],
  ['events {}\nlisten 80;', '"listen" directive is not allowed here in nginx.conf:2'],
  ['events {}\nworker_connections 1;', '"worker_connections" directive is not allowed here in nginx.conf:2'],
  ['events {}\npid a;\npid b;', '"pid" directive is duplicate in nginx.conf:3'],
  [
    'events {}\ndaemon maybe;',
    'invalid value "maybe" in "daemon" directive, it must be "on" or "off" in nginx.conf:2',
  ],
  ['events {}\nworker_processes x;', '"worker_processes" directive invalid value in nginx.conf:2'],
  ['events { worker_connections x; }', 'invalid number "x" in nginx.conf:1'],
  ['events { use kqueue; }', 'invalid event type "kqueue" in nginx.conf:1'],
  ['events {}\nuser nosuchuser;', 'getpwnam("nosuchuser") failed in nginx.conf:2'],
  ['events {}\nworker_priority x;', '"worker_priority" directive invalid number in nginx.conf:2'],
  ['events {}\nworker_cpu_affinity 012;', 'invalid character "2" in "worker_cpu_affinity" in nginx.conf:2'],
  ['events {}\nerror_log a.log loud;', 'invalid log level "loud" in nginx.conf:2'],
  ['events {}\nerror_log a.log info warn;', 'duplicate log level "warn" in nginx.conf:2'],
  ['events {}\nerror_log syslog:tag=a;', 'no syslog server specified in nginx.conf:2'],
  ['events {}\nerror_log syslog:server=127.0.0.1,facility=x;', 'unknown syslog facility "x" in nginx.conf:2'],
  [
    'events {}\nerror_log syslog:server=nosuch.invalid;',
    'host not found in syslog server "nosuch.invalid" in nginx.conf:2',
  ],
  [
    'events {}\ninclude nosuch.conf;',
    'open() "nosuch.conf" failed (2: No such file or directory) in nginx.conf:2',
  ],
  [
    'events {}\nload_module /m/ngx_http_lua_module.so;',
    'dlopen() "/m/ngx_http_lua_module.so" failed (modules are not loaded at run time) in nginx.conf:2',
  ],
  ['events {}\nmail {}', '"mail" directive is not supported yet in nginx.conf:2'],
  ['events {}\nhttp {}\nhttp {}', '"http" directive is duplicate in nginx.conf:3'],
  [http('types { a b { } }'), 'unexpected "{" in nginx.conf:3'],
  [http('types { include a b; }'), 'invalid number of arguments in "include" directive in nginx.conf:3'],
  [http('client_max_body_size 1x;'), '"client_max_body_size" directive invalid value in nginx.conf:3'],
  [
    http('large_client_header_buffers 0 8k;'),
    '"large_client_header_buffers" directive invalid value in nginx.conf:3',
  ],
  [http('satisfy most;'), 'invalid value "most" in nginx.conf:3'],
  [http('error_page 600 /a;'), 'value "600" must be between 300 and 599 in nginx.conf:3'],
  [http('error_page 499 /a;'), 'invalid value "499" in nginx.conf:3'],
  [http('error_page =200 /a;'), 'invalid value "=200" in nginx.conf:3'],
  [http('error_page 404 =x /a;'), 'invalid value "=x" in nginx.conf:3'],
  [http('error_page 404 /$nosuch;'), 'unknown "nosuch" variable'],
  [http('error_page 404 /${host;'), 'the closing bracket in "host" variable is missing in nginx.conf:3'],
  [http('error_page 404 /$;'), 'invalid variable name in nginx.conf:3'],
  [http('resolver 127.0.0.1 valid=x;'), 'invalid parameter: valid=x in nginx.conf:3'],
  [http('resolver 127.0.0.1 ipv4=off ipv6=off;'), '"ipv4" and "ipv6" cannot both be "off" in nginx.conf:3'],
  [http('open_file_cache inactive=1m;'), '"open_file_cache" must have the "max" parameter in nginx.conf:3'],
  [http('open_file_cache max=0;'), 'invalid "open_file_cache" parameter "max=0" in nginx.conf:3'],
  [http('disable_symlinks maybe;'), 'invalid parameter "maybe" in nginx.conf:3'],
  [http('server { listen 99999; }'), 'invalid port in "99999" of the "listen" directive in nginx.conf:3'],
  [
    http('server { listen 90-80; }'),
    'invalid port range in "90-80" of the "listen" directive in nginx.conf:3',
  ],
  [http('server { listen :80; }'), 'no host in ":80" of the "listen" directive in nginx.conf:3'],
  [http('server { listen a/b; }'), 'invalid host in "a/b" of the "listen" directive in nginx.conf:3'],
  [
    http('server { listen [::g]:80; }'),
    'invalid IPv6 address in "[::g]:80" of the "listen" directive in nginx.conf:3',
  ],
  [
    http('server { listen nosuch.invalid:80; }'),
    'host not found in "nosuch.invalid:80" of the "listen" directive in nginx.conf:3',
  ],
  [
    http('server { listen unix:; }'),
    'no path in the unix domain socket in "unix:" of the "listen" directive in nginx.conf:3',
  ],
  [http('server { listen 80 backlog=0; }'), 'invalid backlog "backlog=0" in nginx.conf:3'],
  [http('server { listen 80 so_keepalive=::; }'), 'invalid so_keepalive value: "::" in nginx.conf:3'],
  [http('server { listen 80 ipv6only=onn; }'), 'invalid ipv6only flags "onn" in nginx.conf:3'],
  [http('server { listen 80 fast; }'), 'invalid parameter "fast" in nginx.conf:3'],
  [http('server { listen 80 constructor; }'), 'invalid parameter "constructor" in nginx.conf:3'],
  [http('server { listen 80; listen 80; }'), 'a duplicate listen 0.0.0.0:80 in nginx.conf:3'],
  [
    http('server { listen 80 default; }\nserver { listen 80 default; }'),
    'a duplicate default server for 0.0.0.0:80 in nginx.conf:4',
  ],
  [
    http('server { listen 80 bind; }\nserver { listen 80 bind; }'),
    'duplicate listen options for 0.0.0.0:80 in nginx.conf:4',
  ],
  [http('server { server_name *a; }'), 'server name "*a" is invalid in nginx.conf:3'],
  [http('server { server_name ~; }'), 'empty regex in server name "~" in nginx.conf:3'],
  [http('server { server_name a.*.b; }\nserver {}'), 'invalid server name or wildcard "a.*.b" on 0.0.0.0:80'],
  [http('server { location = / { } location = / { } }'), 'duplicate location "/" in nginx.conf:3'],
  [http('server { location / { }\nlocation ^~ / { } }'), 'duplicate location "/" in nginx.conf:4'],
  [http('server { location ~~ / { } }'), 'invalid location modifier "~~" in nginx.conf:3'],
  [
    http('server { location /a { location /b { } } }'),
    'location "/b" is outside location "/a" in nginx.conf:3',
  ],
  [
    http('server { location = /a { location /a { } } }'),
    'location "/a" cannot be inside the exact location "/a" in nginx.conf:3',
  ],
  [
    http('server { location @a { location /a { } } }'),
    'location "/a" cannot be inside the named location "@a" in nginx.conf:3',
  ],
  [
    http('server { location / { location @a { } } }'),
    'named location "@a" can be on the server level only in nginx.conf:3',
  ],
  [
    http('server { location ~ ( { } }'),
    'pcre2_compile() failed: missing closing parenthesis in "(" in nginx.conf:3',
  ],
  [
    http('server { location / { root a; alias b; } }'),
    '"alias" directive is duplicate, "root" directive was specified earlier in nginx.conf:3',
  ],
  [
    http('server { location @a { alias b; } }'),
    'the "alias" directive cannot be used inside the named location in nginx.conf:3',
  ],
  [
    http('server { root $document_root/a; }'),
    'the $document_root variable cannot be used in the "root" directive in nginx.conf:3',
  ],
  [http('server { location / { limit_except FOO { } } }'), 'invalid method "FOO" in nginx.conf:3'],
];

t.test('a wrong configuration is refused in nginx’s words', async (t) => {
  for (const [text, message] of MESSAGES) t.equal(load(text).errors[0], message, JSON.stringify(text));
});

t.test('all that is wrong is reported, in order, and a syntax error only once', async (t) => {
  const { errors } = load(http('foo;\nsendfile maybe;\nserver { root a\n}\nbar;\n'));
  t.same(errors, [
    'unknown directive "foo" in nginx.conf:3',
    'invalid value "maybe" in "sendfile" directive, it must be "on" or "off" in nginx.conf:4',
    'unexpected "}" in nginx.conf:6',
    'unknown directive "bar" in nginx.conf:7',
  ]);
});

t.test('a misspelt name brings the nearest one to mind, and a caret shows the place', async (t) => {
  const [diagnostic] = load(http('\tserver { lissen 80; }')).diagnostics;
  t.same(diagnostic?.details, [
    '     3 | \tserver { lissen 80; }',
    '       | \t         ^^^^^^',
    '       did you mean "listen"?',
  ]);
  t.match(load(http('proxy_pas http://a;')).diagnostics[0]?.details.at(-1), 'did you mean "proxy_pass"?');
  t.equal(load(http('qqqqqqqq a;')).diagnostics[0]?.details.length, 2);
});

t.test('the -g option is read before the file, and named as the command line', async (t) => {
  t.equal(
    load('events {}', { directives: 'foo' }).errors[0],
    'unexpected end of parameter, expecting ";" in command line',
  );
  t.equal(load('events {}', { directives: 'foo;' }).errors[0], 'unknown directive "foo" in command line');
  t.equal(
    load('events {}', { directives: 'events {' }).errors[0],
    'block directives are not supported in -g option in command line',
  );
  t.equal(
    load('events {}\npid a;', { directives: 'pid b;' }).errors[0],
    '"pid" directive is duplicate in nginx.conf:2',
  );
  t.equal(load('events {}', { directives: 'daemon off;' }).loaded?.process.daemon, false);
});

t.test('what would work otherwise than written is warned of, what has no effect is noted', async (t) => {
  const messages = (text: string): string[] =>
    load(text).diagnostics.map(({ level, message }) => `${level}: ${message.replace(/ in \/.*:/, ' in :')}`);
  t.same(messages(http('server { server_name a; }\nserver { server_name a; }')), [
    'warn: conflicting server name "a" on 0.0.0.0:80, ignored',
  ]);
  t.same(messages(http('server { server_name a/b; }')), [
    'warn: server name "a/b" has suspicious symbols in :3',
  ]);
  t.same(messages('events { accept_mutex on; }'), [
    'notice: "accept_mutex" directive has no effect: workers are woken one at a time by the kernel in :1',
  ]);
  t.same(messages('load_module modules/ngx_stream_module.so; events {}'), [
    'notice: "load_module" has no effect: the directives of ngx_stream_module are known without it in :1',
  ]);
  t.same(
    messages(http('server { listen 80; server_name a; }\nserver { listen 80 proxy_protocol bind; }')),
    [],
  );
  t.same(messages(http('server { listen 80 bind; server_name a; }\nserver { listen 80 proxy_protocol; }')), [
    'warn: protocol options redefined for 0.0.0.0:80 in :4',
  ]);
});
