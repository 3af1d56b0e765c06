import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { get, RawClient } from '../support/raw-client.ts';
import { type Cleanup, type Sluice, startSluice } from '../support/sluice.ts';

async function start(t: Cleanup, server: string, http = ''): Promise<{ sluice: Sluice; port: number }> {
  const port = await freePort();
  const sluice = await startSluice(t, {
    config: `events {} http { access_log off; log_format path "$uri:$status"; ${http} server { listen 127.0.0.1:${port}; ${server} } }`,
  });
  return { sluice, port };
}

function log(sluice: Sluice, name = 'access.log'): string {
  return existsSync(sluice.path(name)) ? readFileSync(sluice.path(name), 'latin1') : '';
}

t.test('the combined format', async (t) => {
  const { sluice, port } = await start(t, 'access_log access.log; location / { return 200 hello; }');
  await get(port, '/a?b', ['Referer: "r"', 'User-Agent: \\ü']);
  const line = await eventually('a line', () => log(sluice));
  t.match(
    line,
    /^127\.0\.0\.1 - - \[\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET \/a\?b HTTP\/1\.1" 200 5 "\\x22r\\x22" "\\x5C\\xFC"\n$/,
  );
});

t.test('formats and escaping', async (t) => {
  const { sluice, port } = await start(
    t,
    'location / { access_log plain.log plain; access_log json.log json; access_log none.log none; return 200; }',
    `log_format plain '[$arg_a]' ' \${arg_b}x $time_iso8601 $msec $request_time';
     log_format json escape=json '{"a":"$arg_a","b":"$arg_b"}';
     log_format none escape=none '$arg_a|$arg_b';`,
  );
  await get(port, '/?a=%22');
  const client = new RawClient(port).send('GET /?a=a"b\\c HTTP/1.0\r\n\r\n');
  await client.end();
  await eventually('both lines', () => log(sluice, 'none.log').split('\n').length === 3);
  const [first = '', second = ''] = log(sluice, 'plain.log').split('\n');
  t.match(first, /^\[%22\] -x \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d \d+\.\d{3} \d+\.\d{3}$/);
  t.match(second, /^\[a\\x22b\\x5Cc\] -x /);
  t.equal(log(sluice, 'json.log'), '{"a":"%22","b":""}\n{"a":"a\\"b\\\\c","b":""}\n');
  t.equal(log(sluice, 'none.log'), '%22|\na"b\\c|\n');
});

t.test('which requests are logged, and where', async (t) => {
  const { sluice, port } = await start(
    t,
    `access_log server.log path;
     location /inherited { return 200; }
     location /off { access_log off; return 200; }
     location /several { access_log a.log path; access_log b.log path; return 201; }
     location /if { access_log if.log path if=$arg_log; return 202; }`,
  );
  for (const path of ['/inherited', '/off', '/several', '/if', '/if?log=0', '/if?log=', '/if?log=1']) {
    await get(port, path);
  }
  await eventually('the last line', () => log(sluice, 'if.log'));
  t.equal(log(sluice, 'server.log'), '/inherited:200\n');
  t.equal(log(sluice, 'a.log'), '/several:201\n');
  t.equal(log(sluice, 'b.log'), '/several:201\n');
  t.equal(log(sluice, 'if.log'), '/if:202\n');
});

t.test('what was no request is logged as well', async (t) => {
  const { sluice, port } = await start(t, 'access_log access.log;');
  await new RawClient(port).send('GARBAGE\r\n\r\n').end();
  t.match(await eventually('a line', () => log(sluice)), /"GARBAGE" 400 \d+ "-" "-"\n/);
});

t.test('of a head that is too long what came is logged', async (t) => {
  const { sluice, port } = await start(
    t,
    'large_client_header_buffers 1 300; client_header_buffer_size 100; access_log short.log short;',
    "log_format short '$request_method|$uri|$args|$status|$request';",
  );
  const long = 'x'.repeat(1000);
  const line = (): Promise<string> => eventually('a line', () => log(sluice, 'short.log').trimEnd());
  await new RawClient(port).send(`PUT /a%62?c HTTP/1.1\r\nHost: x\r\nY: ${long}\r\n\r\n`).end();
  t.equal(await line(), 'PUT|/ab|c|400|PUT /a%62?c HTTP/1.1');
  const client = new RawClient(port);
  client.send('GET /d HTTP/1.1\r\nHost: x\r\n').socket.end();
  await client.end();
  t.equal(
    await eventually('a line', () => log(sluice, 'short.log').split('\n')[1]),
    'GET|/d|-|400|GET /d HTTP/1.1',
  );
  await new RawClient(port).send(`GET /${long} HTTP/1.1\r\n\r\n`).end();
  t.match(
    await eventually('a line', () => log(sluice, 'short.log').split('\n')[2]),
    /^-\|-\|-\|414\|GET \/x+/,
  );
});

t.test('buffers', async (t) => {
  const { sluice, port } = await start(
    t,
    `location /full { access_log full.log path buffer=32; return 200; }
     location /timed { access_log timed.log path buffer=1k flush=300ms; return 200; }
     location /packed { access_log packed.gz path gzip=9 buffer=1k; return 200; }`,
  );
  await get(port, '/full1');
  await get(port, '/full2');
  t.equal(log(sluice, 'full.log'), '', 'what fits into the buffer waits');
  await get(port, '/full3');
  t.equal(
    await eventually('the buffer to overflow', () => log(sluice, 'full.log')),
    '/full1:200\n/full2:200\n',
  );
  await get(port, '/timed');
  t.equal(log(sluice, 'timed.log'), '');
  t.equal(await eventually('the time to pass', () => log(sluice, 'timed.log')), '/timed:200\n');
  await get(port, '/packed1');
  await get(port, '/packed2');
  await sluice.stop();
  t.match(log(sluice, 'full.log'), /\/full3:200\n$/, 'the end writes what is left');
  t.equal(gunzipSync(readFileSync(sluice.path('packed.gz'))).toString(), '/packed1:200\n/packed2:200\n');
});

t.test('names with variables', async (t) => {
  const { sluice, port } = await start(
    t,
    `root .;
     location / { access_log "by-$arg_name.log" path; return 200; }
     location /cached { access_log "cached-$arg_name.log" path; open_log_file_cache max=2 min_uses=1 valid=1h; return 200; }
     location /lost { access_log "no/such/$arg_name.log" path; return 200; }
     location /rootless { root /nonexistent; access_log "rootless-$arg_name.log" path; return 200; }`,
  );
  for (const name of ['a', 'b', 'a']) await get(port, `/x?name=${name}`);
  await eventually(
    'three lines',
    () => log(sluice, 'by-a.log').length + log(sluice, 'by-b.log').length === 21,
  );
  t.equal(log(sluice, 'by-a.log'), '/x:200\n/x:200\n');

  for (const name of ['a', 'b', 'c', 'a']) await get(port, `/cached?name=${name}`);
  await eventually('the last line', () => log(sluice, 'cached-a.log').split('\n').length === 3);
  t.equal(log(sluice, 'cached-c.log'), '/cached:200\n');

  await get(port, '/lost?name=a');
  await eventually('a complaint', () =>
    sluice.logged(/\[crit\] .* open\(\) "\S+no\/such\/a.log" failed \(2: No such file or directory\)/),
  );
  await get(port, '/rootless?name=a');
  await eventually('a complaint', () =>
    sluice.logged(/\[error\] .* testing "\/nonexistent" existence failed \(2: No such file or directory\)/),
  );
  t.notOk(existsSync(sluice.path('rootless-a.log')));
});

t.test('syslog', async (t) => {
  const socket = createSocket('udp4');
  t.teardown(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = await start(
    t,
    `access_log syslog:server=127.0.0.1:${socket.address().port},facility=local0,severity=warn,tag=abc,nohostname path;
     location / { return 200; }`,
  );
  const message = once(socket, 'message');
  await get(port, `/${'x'.repeat(3000)}`);
  const [text] = (await message) as [Buffer];
  t.match(text.toString(), /^<132>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d abc: \/x{3000}:200$/);
});

t.test('lines that wait are in the old file when logs are rotated', async (t) => {
  const { sluice, port } = await start(
    t,
    'access_log access.log path buffer=64k; location / { return 200; }',
  );
  await get(port, '/old');
  renameSync(sluice.path('access.log'), sluice.path('access.log.1'));
  sluice.signal('SIGUSR1');
  await eventually('the new file', () => existsSync(sluice.path('access.log')));
  await eventually('the old line', () => log(sluice, 'access.log.1') === '/old:200\n');
  await get(port, '/new');
  await sluice.stop();
  t.equal(log(sluice), '/new:200\n');
});

t.test('a log that cannot be written to does not hold up requests', async (t) => {
  const { sluice, port } = await start(t, 'access_log /dev/full path; location / { return 200; }');
  for (let i = 0; i < 3; i++) t.equal((await get(port, '/')).status, 200);
  await eventually('a complaint', () =>
    sluice.logged(/\[alert\] .* write\(\) to "\/dev\/full" failed \(28: No space left on device\)/),
  );
  t.equal(sluice.logged(/write\(\) to/), 1, 'once a minute');
});
