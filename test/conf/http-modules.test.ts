import t from 'tap';
import { parseCidr } from '../../src/proxy/conf/cidr.ts';
import type { HttpPlan } from '../../src/proxy/plan/http.ts';
import { http, load } from './configuration.ts';

/** What nginx says, compared with nginx itself. */
const MESSAGES: [string, string][] = [
  ['server { allow 1.2.3; }', 'invalid parameter "1.2.3"'],
  ['server { allow 1.2.3.4/33; }', 'invalid parameter "1.2.3.4/33"'],
  ['server { deny localhost; }', 'invalid parameter "localhost"'],
  ['server { deny ::1%eth0; }', 'invalid parameter "::1%eth0"'],
  ['server { deny all all; }', 'invalid number of arguments in "deny" directive'],

  ["index a '';", 'index "" in "index" directive is invalid'],
  ['server { try_files a; }', 'invalid number of arguments in "try_files" directive'],
  ['server { try_files a =x; }', 'invalid code "=x"'],
  ['server { try_files a =1000; }', 'invalid code "=1000"'],
  ['server { try_files a b; try_files c d; }', '"try_files" directive is duplicate'],
  ['try_files a b;', '"try_files" directive is not allowed here'],

  ['add_header a;', 'invalid number of arguments in "add_header" directive'],
  ['add_header a b c;', 'invalid parameter "c"'],
  ['add_trailer a b c;', 'invalid parameter "c"'],
  ['expires x;', '"expires" directive invalid value'],
  ['expires sometimes 1h;', '"expires" directive invalid value'],
  ['expires modified max;', '"expires" directive invalid value'],
  ['expires modified @1h;', '"expires" directive daily time cannot be used with "modified" parameter'],
  ['expires @25h;', '"expires" directive daily time value must be less than 24 hours'],
  ['expires 1h; expires 1h;', '"expires" directive is duplicate'],

  ['log_format a;', 'invalid number of arguments in "log_format" directive'],
  ['log_format combined $uri;', 'duplicate "log_format" name "combined"'],
  ['log_format a $uri; log_format a $uri;', 'duplicate "log_format" name "a"'],
  ['log_format a escape=xml $uri;', 'unknown log format escaping "xml"'],
  ['log_format a $;', 'invalid parameter "$"'],
  ['log_format a "x$ y";', 'invalid parameter "$ y"'],
  ['log_format a ${uri;', 'the closing bracket in "uri" variable is missing'],
  ['access_log off a;', 'invalid parameter "a"'],
  ['access_log a nosuch;', 'unknown log format "nosuch"'],
  ['access_log a later; log_format later $uri;', 'unknown log format "later"'],
  ['access_log a combined buffer=x;', 'invalid buffer size "x"'],
  ['access_log a combined buffer=0;', 'invalid buffer size "0"'],
  ['access_log a combined flush=x;', 'invalid flush time "x"'],
  ['access_log a combined flush=1s;', 'no buffer is defined for access_log "a"'],
  ['access_log a combined gzip=0;', 'invalid compression level "0"'],
  ['access_log a combined gzip=10;', 'invalid compression level "10"'],
  ['access_log a combined nosuch;', 'invalid parameter "nosuch"'],
  ['access_log a$uri combined buffer=1k;', 'buffered logs cannot have variables in name'],
  ['access_log syslog:server=127.0.0.1 combined buffer=1k;', 'logs to syslog cannot be buffered'],
  [
    'access_log syslog:server=127.0.0.1,tag=a-b;',
    'syslog "tag" only allows alphanumeric characters and underscore',
  ],
  [
    'access_log a combined buffer=1k; access_log a combined buffer=2k; server { }',
    'access_log "a" already defined with conflicting parameters',
  ],
  ['open_log_file_cache inactive=1;', '"open_log_file_cache" must have "max" parameter'],
  ['open_log_file_cache max=x;', 'invalid "open_log_file_cache" parameter "max=x"'],
];

t.test('a wrong directive is refused in nginx’s words', async (t) => {
  for (const [text, message] of MESSAGES) {
    t.equal(load(http(text)).errors[0], `${message} in nginx.conf:3`, text);
  }
  t.equal(load(http('log_format unused $nosuch;')).errors[0], 'unknown "nosuch" variable');
  const warnings = (text: string): string[] => load(http(text)).diagnostics.map(({ message }) => message);
  t.match(warnings('server { allow 1.2.3.4/8; }')[0], /^low address bits of 1.2.3.4\/8 are meaningless in /);
  t.match(warnings('index /a b;')[0], /^only the last index in "index" directive should be absolute in /);
});

t.test('blocks of addresses', async (t) => {
  const hex = (text: string): string | undefined => {
    const cidr = parseCidr(text);
    return cidr && `${Buffer.from(cidr.address).toString('hex')}/${Buffer.from(cidr.mask).toString('hex')}`;
  };
  t.equal(hex('192.0.2.1'), 'c0000201/ffffffff');
  t.equal(hex('192.0.2.255/25'), 'c0000280/ffffff80');
  t.equal(hex('0.0.0.0/0'), '00000000/00000000');
  t.equal(hex('2001:db8::1/33'), `20010db8${'0'.repeat(24)}/ffffffff80${'0'.repeat(22)}`);
  t.equal(hex('::ffff:192.0.2.1'), `${'0'.repeat(20)}ffffc0000201/${'f'.repeat(32)}`);
  t.equal(hex('1:2:3:4:5:6:7:8/128'), `00010002000300040005000600070008/${'f'.repeat(32)}`);
  t.equal(parseCidr('192.0.2.1/24')?.lowBits, true);
  t.equal(parseCidr('192.0.2.0/24')?.lowBits, false);
  for (const text of ['', '1.2.3.4.5', '1.2.3.4/', '1.2.3.4/x', '1.2.3.4/33', '::/129', ':::', 'a']) {
    t.equal(hex(text), undefined, text);
  }
});

/** The log configurations of servers, in order, and the tables that they refer to. */
function logs(text: string) {
  const plan = load(http(text)).loaded?.plan;
  const compiled = plan?.http as HttpPlan;
  const confs = compiled.servers.map(({ block }) => {
    const position = compiled.blocks[block]?.confs.http_log ?? -1;
    return compiled.modules.http_log?.[position] as { logs: { file: number; format: number }[] };
  });
  const main = compiled.main.http_log as {
    files: { path: string; buffer?: number }[];
    formats: unknown[];
  };
  return {
    confs,
    main,
    fds: plan?.fds.flatMap((fd) => (fd.kind === 'log' ? [fd.path.replace(/.*\//, '')] : [])),
  };
}

t.test('logs are opened once, and the default one only where it is used', async (t) => {
  const shared = logs('access_log a.log; server { } server { access_log a.log; access_log b.log; }');
  t.same(shared.fds, ['error.log', 'a.log', 'b.log']);
  t.same(
    shared.confs.map((conf) => conf.logs.map(({ file }) => file)),
    [[0], [0, 1]],
  );
  t.same(logs('server { access_log off; }').fds, ['error.log']);
  t.same(logs('server { access_log off; } server { }').fds, ['error.log', 'access.log']);
  t.same(logs('log_format a $uri; server { access_log off; location / { } }').fds, ['error.log']);
  t.equal(
    logs('server { access_log a; } server { access_log a combined buffer=1k; }').main.files[0]?.buffer,
    1024,
  );
});
