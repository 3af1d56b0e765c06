/** `listen … proxy_protocol`: the addresses that a balancer tells, and what does not speak it. */
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { startOrigin } from '../support/origin.ts';
import { proxyTo } from './proxying.ts';

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const V1 = 'PROXY TCP4 192.0.2.1 192.0.2.2 1111 2222\r\n';

function v2(command: number, family: number, addresses: readonly number[], extra = ''): string {
  const length = addresses.length + extra.length;
  return `\r\n\r\n\0\r\nQUIT\n${String.fromCharCode(0x20 | command, family, length >> 8, length & 0xff, ...addresses)}${extra}`;
}
const ipv4 = [198, 51, 100, 1, 198, 51, 100, 2, 0x04, 0x57, 0x08, 0xae];
const ipv6 = [
  0x20,
  1,
  0xd,
  0xb8,
  ...Array(11).fill(0),
  1,
  0x20,
  1,
  0xd,
  0xb8,
  ...Array(11).fill(0),
  2,
  4,
  0x57,
  8,
  0xae,
];

const bodies: string[] = [];
const origin = await startOrigin(t, ({ rest, socket }) => {
  let body = rest;
  socket.on('data', (data) => {
    body += data;
  });
  setTimeout(() => {
    bodies.push(body);
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
  }, 200);
});
const { client, sluice } = await proxyTo(t, [origin], {
  listen: 'proxy_protocol',
  server: `client_header_timeout 500ms;
    location = / { return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port $remote_addr"; }
    location /streamed { proxy_request_buffering off; proxy_pass http://origins; }`,
});

const headers: Record<string, [header: string, told: string]> = {
  'version 1': [V1, '192.0.2.1 1111 192.0.2.2 2222 127.0.0.1'],
  'version 1, IPv6': [
    'PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n',
    '2001:db8::1 1 2001:db8::2 65535 127.0.0.1',
  ],
  'version 1, UNKNOWN': ['PROXY UNKNOWN\r\n', '    127.0.0.1'],
  'version 1, UNKNOWN and whatever': ['PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n', '    127.0.0.1'],
  'version 2': [v2(1, 0x11, ipv4), '198.51.100.1 1111 198.51.100.2 2222 127.0.0.1'],
  'version 2, IPv6': [v2(1, 0x21, ipv6), '2001:db8::1 1111 2001:db8::2 2222 127.0.0.1'],
  'version 2 with a TLV': [
    v2(1, 0x11, ipv4, '\x04\0\x02ab'),
    '198.51.100.1 1111 198.51.100.2 2222 127.0.0.1',
  ],
  'version 2, LOCAL': [v2(0, 0, []), '    127.0.0.1'],
};

for (const [name, [header, told]] of Object.entries(headers)) {
  t.test(name, async (t) => {
    t.equal(
      (
        await client()
          .send(header + GET)
          .response()
      ).body,
      told,
    );
    const cut = client();
    for (const octet of header) {
      cut.send(octet);
      await new Promise(setImmediate);
    }
    t.equal((await cut.send(GET).response()).body, told, 'octet by octet');
  });
}

const garbage: Record<string, string> = {
  'no header': GET,
  'another word': 'PROXIES TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
  'an address that is none': 'PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n',
  'an address of the other family': 'PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n',
  'a port that is none': 'PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n',
  'too few words': 'PROXY TCP4 192.0.2.1\r\n',
  'a line without end': `PROXY TCP4 ${'1'.repeat(200)}`,
  'another version': v2(1, 0x11, ipv4).replace('\n!', '\n\x31'),
  'addresses that are too short': v2(1, 0x11, ipv4.slice(0, 8)),
};

for (const [name, header] of Object.entries(garbage)) {
  t.test(`refused: ${name}`, async (t) => {
    const before = sluice.logged(/broken header: .* while reading PROXY protocol/);
    t.equal(await client().send(header).end(), '', 'closed without an answer');
    t.equal(sluice.logged(/broken header: .* while reading PROXY protocol/), before + 1);
  });
}

t.test('a header that does not come costs client_header_timeout', async (t) => {
  const started = Date.now();
  t.equal(await client().send(V1.slice(0, 20)).end(), '');
  t.ok(Date.now() - started >= 400 && Date.now() - started < 2000);
});

t.test('what comes in one packet with the header belongs to the request', async (t) => {
  const body = 'x'.repeat(1000);
  const made = client().send(
    `${V1}POST /streamed HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n${body}`,
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  made.send('y');
  t.equal((await made.response()).status, 200);
  await eventually('the body', () => bodies.length === 1);
  t.ok(bodies[0] === `${body}y`);
});
