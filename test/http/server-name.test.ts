import t from 'tap';
import { RawClient } from '../support/raw-client.ts';
import { serve } from './serving.ts';

/** A server for each name, which tells its name without `$`, and the host. */
const servers = (...names: string[]): string =>
  names
    .map(
      (name) => `server { listen LISTEN; server_name ${name}; return 200 '${name.replace('$', '')}|$host'; }`,
    )
    .join('\n');

t.test('exact, longest *.suffix, longest prefix.*, expressions in order, the default', async (t) => {
  const { body } = await serve(
    t,
    servers(
      'first.default',
      'exact.example.com',
      '*.example.com',
      '.b.example.com',
      'www.example.*',
      'www.*',
      '~^re(\\d+)\\.',
      '~\\.example\\.org$',
    ),
  );
  const answers: [string, string][] = [
    ['exact.example.com', 'exact.example.com|exact.example.com'],
    ['EXACT.example.com.', 'exact.example.com|exact.example.com'],
    ['exact.example.com:8080', 'exact.example.com|exact.example.com'],
    ['a.example.com', '*.example.com|a.example.com'],
    ['b.example.com', '.b.example.com|b.example.com'],
    ['a.b.example.com', '.b.example.com|a.b.example.com'],
    ['www.example.com', '*.example.com|www.example.com'],
    ['www.example.net', 'www.example.*|www.example.net'],
    ['www.other.net', 'www.*|www.other.net'],
    ['re1.example.org', '~^re(\\d+)\\.|re1.example.org'],
    ['x.example.org', '~\\.example\\.org|x.example.org'],
    ['example.com', 'first.default|example.com'],
    ['[::1]:80', 'first.default|[::1]'],
  ];
  for (const [host, expected] of answers) t.equal(await body('/', `Host: ${host}`), expected, host);
});

t.test('captures of a server name live as long as nothing else matches', async (t) => {
  const { body } = await serve(
    t,
    `server { listen LISTEN; server_name ~^(?<name>.+)\\.example\\.com$;
      location / { return 200 "$name $1"; }
      location ~ ^/re/(.*)$ { return 200 "$name $1"; }
    }`,
  );
  t.equal(await body('/', 'Host: a.b.example.com'), 'a.b a.b');
  t.equal(await body('/re/x', 'Host: a.b.example.com'), 'a.b x');
});

t.test(
  'a request that names no host is for the server named ""; the target names one before Host does',
  async (t) => {
    const { body, port } = await serve(t, servers('some.where', '""', 'other.where'));
    const client = new RawClient(port);
    client.send('GET / HTTP/1.0\r\n\r\n');
    t.match(await client.end(), '""|');
    t.equal(await body('http://Other.Where:1/', 'Host: some.where'), 'other.where|other.where');
  },
);
