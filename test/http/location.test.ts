import t from 'tap';
import { RawClient } from '../support/raw-client.ts';
import { serve } from './serving.ts';

t.test('exact, longest prefix, expressions in order, unless ^~ forbids them', async (t) => {
  const { body } = await serve(
    t,
    `server { listen LISTEN;
      location / { return 200 root; }
      location = / { return 200 "exact root"; }
      location /a { return 200 a; }
      location /ab/ { return 200 ab; }
      location = /ab/x { return 200 "exact x"; }
      location ^~ /quiet/ { return 200 quiet; }
      location ~ \\.php$ { return 200 php; }
      location ~* ^/AB/(.*)\\.PHP$ { return 200 never; }
      location ~* \\.(jpg|GIF)$ { return 200 "image $1"; }
      location ~ ^/named/(?<part>[^/]+) { return 200 "named $part"; }
    }`,
  );
  const answers: [string, string][] = [
    ['/', 'exact root'],
    ['/b', 'root'],
    ['/a', 'a'],
    ['/ab', 'a'],
    ['/ab/', 'ab'],
    ['/ab/x', 'exact x'],
    ['/ab/xy', 'ab'],
    ['/ab/x.php', 'php'],
    ['/quiet/x.php', 'quiet'],
    ['/x.JPG', 'image JPG'],
    ['/named/one/two', 'named one'],
    ['/A', 'root'],
  ];
  for (const [target, expected] of answers) t.equal(await body(target), expected, target);
});

t.test('nested locations: what is inside decides first, then the expressions around it', async (t) => {
  const { body } = await serve(
    t,
    `server { listen LISTEN; return 200 ""; }
     server { listen LISTEN; server_name localhost;
      location /a { return 200 a;
        location /a/b { return 200 ab; location ~ \\.in$ { return 200 "in ab"; } }
        location = /a/c { return 200 "exact ac"; }
        location ~ \\.in$ { return 200 "in a"; }
      }
      location ^~ /a/q { return 200 q; location ~ \\.in$ { return 200 "in q"; } }
      location ~ \\.(in|out)$ { return 200 "outer"; location ~ z { return 200 "z in regex"; } }
    }`,
  );
  const answers: [string, string][] = [
    ['/a/x', 'a'],
    ['/a/b/x', 'ab'],
    ['/a/b/x.in', 'in ab'],
    ['/a/x.in', 'in a'],
    ['/a/c', 'exact ac'],
    ['/a/x.out', 'outer'],
    ['/a/q/x.out', 'q'],
    ['/a/q/x.in', 'in q'],
    ['/a/z.out', 'z in regex'],
  ];
  for (const [target, expected] of answers) t.equal(await body(target), expected, target);
});

t.test('limit_except, internal and named locations', async (t) => {
  const { answer, body, port } = await serve(
    t,
    `server { listen LISTEN;
      location /limited { limit_except GET { deny all; } return 200 limited; }
      location /internal { internal; return 200 internal; }
      location /to-internal { rewrite ^ /internal; }
      location /named { error_page 404 = @named; return 404; }
      location @named { return 200 "named $uri"; }
    }`,
  );
  t.match(await answer('/internal'), /^HTTP\/1.1 404 /);
  t.equal(await body('/to-internal'), 'internal');
  t.equal(await body('/named?x'), 'named /named');
  t.equal(await body('/limited'), 'limited');
  const client = new RawClient(port);
  client.send('POST /limited HTTP/1.0\r\n\r\n');
  t.match(await client.end(), /^HTTP\/1.1 403 /, 'and the rewrites of the location do not run');
});

/** Random names over few letters, so that many are prefixes of others. */
function randomNames(count: number, random: () => number): string[] {
  const names = new Set(['/']);
  while (names.size < count) {
    let name = '/';
    for (let length = 1 + random() * 12; length > 0; length--) name += 'ab/-'[Math.floor(random() * 4)];
    names.add(name.replaceAll(/\/+/g, '/'));
  }
  return [...names];
}

/** Numbers that are the same in every run (Park and Miller's). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 0x7fffffff;
    return state / 0x7fffffff;
  };
}

t.test('among ten thousand locations the longest prefix is found, as a plain search would', async (t) => {
  const random = generator(1);
  const names = randomNames(10_000, random);
  const exact = new Set(names.filter(() => random() < 0.2));
  const prefix = new Set(names.filter((name) => !exact.has(name) || random() < 0.3).concat('/'));
  const locations = [
    ...[...exact].map((name) => `location = ${name} { return 200 "=${name}"; }`),
    ...[...prefix].map((name) => `location ${name} { return 200 "${name}"; }`),
  ];
  const { port } = await serve(
    t,
    `server { listen LISTEN; merge_slashes off; keepalive_requests 1000000; ${locations.join('\n')} }`,
  );
  const find = (uri: string): string => {
    if (exact.has(uri)) return `=${uri}`;
    for (let length = uri.length; ; length--)
      if (prefix.has(uri.slice(0, length))) return uri.slice(0, length);
  };

  const uris = [...names, ...randomNames(5_000, random), ...names.map((name) => `${name}b`)];
  const client = new RawClient(port);
  t.teardown(() => client.close());
  let wrong = 0;
  for (let start = 0; start < uris.length; start += 500) {
    const batch = uris.slice(start, start + 500);
    client.send(batch.map((uri) => `GET ${uri} HTTP/1.1\r\nHost: h\r\n\r\n`).join(''));
    for (const uri of batch) {
      const { body } = await client.response();
      if (body !== find(uri) && wrong++ < 3) t.equal(body, find(uri), uri);
    }
  }
  t.equal(wrong, 0, `${uris.length} URIs`);
});
