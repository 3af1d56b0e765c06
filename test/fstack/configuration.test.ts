import t from 'tap';
import { load, platform } from '../conf/configuration.ts';

const INI = `[dpdk]
lcore_mask=1
port_list=0
[port0]
addr=10.0.0.2
netmask=255.255.255.0
broadcast=10.0.0.255
gateway=10.0.0.1
addr6=fd00::2
`;

function configure(main: string, servers: string, ini = INI, available = platform.fstack) {
  const text = `${main}\nevents { }\nhttp { ${servers} }\n`;
  return load({ 'nginx.conf': text, 'f-stack.conf': ini }, { platform: { ...platform, fstack: available } });
}

const MISSING = (): { missing: string } => ({ missing: 'this Sluice was built without F-Stack' });

t.test('workers come up on F-Stack when its configuration is named, as in its nginx', async (t) => {
  const { loaded } = configure('fstack_conf f-stack.conf;', 'server { listen 80; }');
  t.match(loaded?.process.stack, {
    required: false,
    noHuge: false,
    devices: [],
    addresses: ['10.0.0.2', 'fd00::2'],
  });
  t.match(loaded?.plan.listeners, [{ address: '0.0.0.0:80', userSpace: { backlog: 511, ipv6only: true } }]);
  t.match(loaded?.listen, [{ userSpace: true }]);
});

t.test('without it, or with "fstack off", they are on the kernel', async (t) => {
  for (const main of ['', 'fstack off;', 'fstack_conf f-stack.conf; fstack off;']) {
    const { loaded } = configure(main, 'server { listen 80; }');
    t.equal(loaded?.process.stack, undefined, main);
    t.equal(loaded?.plan.listeners[0]?.userSpace, undefined, main);
  }
});

t.test('"fstack on" needs to know how', async (t) => {
  const { errors } = configure('fstack on;', 'server { listen 80; }');
  t.match(errors, [/^"fstack" needs a configuration of F-Stack: "fstack_conf" in /]);
});

t.test('options of a listening socket go with it', async (t) => {
  const listen = 'listen 80 backlog=100 rcvbuf=64k sndbuf=32k so_keepalive=30m::10;';
  const { loaded } = configure('fstack_conf f-stack.conf;', `server { ${listen} }`);
  t.strictSame(loaded?.plan.listeners[0]?.userSpace, {
    backlog: 100,
    ipv6only: true,
    rcvbuf: 65536,
    sndbuf: 32768,
    keepalive: { on: true, idle: 1800, count: 10 },
  });
});

t.test('options that F-Stack does not have are told', async (t) => {
  const { loaded } = configure('fstack_conf f-stack.conf;', 'server { listen 80 deferred fastopen=10; }');
  t.match(loaded?.diagnostics, [
    { level: 'notice', message: '"deferred" of "listen 0.0.0.0:80" has no effect on F-Stack' },
    { level: 'notice', message: '"fastopen" of "listen 0.0.0.0:80" has no effect on F-Stack' },
  ]);
});

t.test('unix sockets, loopback and servers marked for the kernel stay with the kernel', async (t) => {
  const servers = `
    server { listen unix:/tmp/s.sock; listen 127.0.0.1:81; listen [::1]:82; listen 10.0.0.2:83; }
    server { listen 84; kernel_network_stack on; }`;
  const { loaded } = configure('fstack_conf f-stack.conf;', servers);
  const own = loaded?.plan.listeners.filter(({ userSpace }) => userSpace).map(({ address }) => address);
  t.strictSame(own, ['10.0.0.2:83']);
});

t.test('servers of one socket must agree on its stack', async (t) => {
  const servers = 'server { listen 80; } server { listen 80; server_name k; kernel_network_stack on; }';
  const { errors } = configure('fstack_conf f-stack.conf;', servers);
  t.match(errors, [/^the servers of "listen 0.0.0.0:80" differ in "kernel_network_stack" in /]);
});

t.test('an address that F-Stack will not have is refused with the remedy', async (t) => {
  const { errors } = configure('fstack_conf f-stack.conf;', 'server { listen 10.0.0.9:80; }');
  t.match(errors, [
    /"listen 10.0.0.9:80" is none of F-Stack's addresses in .*f-stack.conf: add it there, or say "kernel_network_stack on"/,
  ]);
  t.strictSame(configure('fstack_conf f-stack.conf;', 'server { listen [fd00::2]:80; }').errors, []);
});

t.test("QUIC is F-Stack's as TCP is", async (t) => {
  const quic = 'listen 443 quic; ssl_reject_handshake on;';
  const { loaded } = configure('fstack_conf f-stack.conf;', `server { ${quic} }`);
  t.match(loaded?.plan.listeners, [
    { address: '0.0.0.0:443', datagram: true, userSpace: { ipv6only: true } },
  ]);
  const kernel = configure('fstack_conf f-stack.conf; ', `kernel_network_stack on; server { ${quic} }`);
  t.equal(kernel.loaded?.plan.listeners[0]?.userSpace, undefined);
});

t.test('upstreams of a location can stay with the kernel', async (t) => {
  const server = `server { listen 80; location / { proxy_pass http://10.0.0.7; }
    location /k { proxy_pass http://10.0.0.7; proxy_kernel_network_stack on; } }`;
  const { loaded } = configure('fstack_conf f-stack.conf;', server);
  const confs = loaded?.plan.http?.modules.http_proxy as { upstream: { kernelNetworkStack?: boolean } }[];
  t.strictSame(confs.map(({ upstream }) => upstream.kernelNetworkStack ?? false).filter(Boolean), [true]);
});

t.test('what is wrong in the ini is told with its line', async (t) => {
  const { errors } = configure('fstack_conf f-stack.conf; worker_processes 2;', 'server { listen 80; }');
  t.match(errors, [
    /^"lcore_mask" value "1" has 1 lcores for 2 "worker_processes": each worker has one in .*f-stack.conf:2$/,
  ]);
  t.match(configure('fstack_conf f-stack.conf;', '', 'oops').errors, [
    /^unexpected "oops".* in .*f-stack.conf:1$/,
  ]);
  t.match(configure('fstack_conf none.conf;', '').errors, [
    /^open\(\) ".*none.conf" failed \(2: No such file/,
  ]);
});

t.test('a Sluice without F-Stack says so and serves on the kernel, unless it is required', async (t) => {
  const optional = configure('fstack on; fstack_conf f-stack.conf;', 'server { listen 80; }', INI, MISSING);
  t.equal(optional.loaded?.process.stack, undefined);
  t.match(optional.diagnostics, [
    {
      level: 'warn',
      message: /^this Sluice was built without F-Stack, workers run on the kernel's network stack in /,
    },
  ]);
  const required = configure(
    'fstack require; fstack_conf f-stack.conf;',
    'server { listen 80; }',
    INI,
    MISSING,
  );
  t.match(required.errors, [/^"fstack require": this Sluice was built without F-Stack in /]);
});

t.test('arguments are checked', async (t) => {
  const errors = (main: string): readonly string[] => configure(main, '').errors;
  t.match(errors('fstack maybe;'), [/^invalid value "maybe" in "fstack" directive/]);
  t.match(errors('fstack on huge; fstack_conf f-stack.conf;'), [/^invalid parameter "huge"/]);
  t.match(errors('fstack_device eth0;'), [/^invalid device "eth0"/]);
  t.match(errors('fstack_idle_sleep 1s;'), [/^"fstack_idle_sleep" directive invalid value/]);
  t.match(errors('fstack_idle_sleep 10ms;'), [/^value must be between 0 and 5000us/]);
  for (const [text, microseconds] of [
    ['0', 0],
    ['20', 20],
    ['20us', 20],
    ['1ms', 1000],
  ] as const) {
    const { loaded } = configure(`fstack_conf f-stack.conf; fstack_idle_sleep ${text};`, '');
    t.equal(loaded?.process.stack?.idleSleep, microseconds);
  }
  const { loaded } = configure(
    'fstack_conf f-stack.conf; fstack on no_huge; fstack_device net_tap0,iface=t0,mac=fixed;',
    '',
  );
  t.match(loaded?.process.stack, { noHuge: true, devices: ['net_tap0,iface=t0,mac=fixed'] });
});
