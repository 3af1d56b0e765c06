/** Names that are looked up while requests wait, and name servers of every sort. */
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { type NameAnswer, nameResponse, startNameServer } from '../support/name-server.ts';
import { respondWith, startOrigin } from '../support/origin.ts';
import { get } from '../support/raw-client.ts';
import { serve } from './serving.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

t.test('proxy_pass to a host that only the request names', async (t) => {
  const origin = await startOrigin(t, respondWith('found'));
  const junk = Buffer.from('no message at all');
  const server = await startNameServer(t, (question): NameAnswer | Buffer | undefined => {
    const good = nameResponse(question, { addresses: ['127.0.0.1'] });
    const other = Buffer.from(good);
    switch (question.name) {
      case 'missing.test':
        return { code: 3 };
      case 'failing.test':
        return { code: 2 };
      case 'refused.test':
        return { code: 5 };
      case 'empty.test':
        return {};
      case 'silent.test':
        return undefined;
      case 'junk.test':
        return junk;
      case 'short.test':
        return good.subarray(0, good.length - 3);
      case 'other-number.test':
        other.writeUInt16BE((good.readUInt16BE(0) + 1) & 0xffff, 0);
        return other;
      case 'other-name.test':
        other.write('x', 13);
        return other;
      case 'circle.test':
        // The answer's name points at itself.
        other.writeUInt16BE(0xc000 | question.message.length, question.message.length);
        return other;
      case 'query.test':
        other.writeUInt16BE(0x0100, 2);
        return other;
      case 'dead.test':
        return { addresses: ['127.0.0.2'] };
      default:
        return { addresses: ['127.0.0.1'] };
    }
  });
  const { port, sluice } = await serve(
    t,
    `resolver ${server.address} ipv6=off; resolver_timeout 600ms;
     server { listen LISTEN; location / { proxy_pass http://$arg_name:${origin.port}; }
       location /none { resolver 127.0.0.1:1 ipv6=off; proxy_pass http://$arg_name:${origin.port}; } }`,
  );
  const status = async (name: string, path = '/'): Promise<number> =>
    (await get(port, `${path}?name=${name}`)).status;

  t.equal(await status('good.test'), 200);
  t.equal(await status('good.test'), 200);
  t.equal(await status('GOOD.test.'), 200);
  t.equal(server.questions.length, 1, 'a name is asked for once while it is valid');
  const together = await Promise.all(Array.from({ length: 20 }, () => status('together.test')));
  t.same(new Set(together), new Set([200]));
  t.equal(server.questions.length, 2, 'who asks meanwhile waits for the same answer');

  const failures: Record<string, RegExp> = {
    'missing.test': /missing.test could not be resolved \(3: Host not found\), client: 127.0.0.1/,
    'failing.test': /failing.test could not be resolved \(2: Server failure\)/,
    'refused.test': /refused.test could not be resolved \(5: Operation refused\)/,
    'empty.test': /empty.test could not be resolved \(3: Host not found\)/,
    [`${'x'.repeat(64)}.test`]: /could not be resolved \(1: Format error\)/,
    'a..test': /could not be resolved \(1: Format error\)/,
  };
  for (const [name, logged] of Object.entries(failures)) {
    t.equal(await status(name), 502, name);
    t.match(sluice.errorLog(), logged);
  }
  t.equal(await status('dead.test'), 502, 'an address where nobody is');

  const useless = ['silent', 'junk', 'short', 'other-number', 'other-name', 'circle', 'query'].map(
    (name) => `${name}.test`,
  );
  const started = Date.now();
  t.same(await Promise.all(useless.map((name) => status(name))), Array(useless.length).fill(502));
  t.ok(Date.now() - started >= 500 && Date.now() - started < 3000, 'resolver_timeout');
  for (const name of useless)
    t.match(
      sluice.errorLog(),
      new RegExp(`${name} could not be resolved \\(110: Operation timed out\\)`),
      `${name}: as if nothing had come`,
    );
  t.equal(await status('good.test', '/none'), 502, 'a name server that is not there');
  t.equal(await status('after.test'), 200, 'none of them harms the next');
});

t.test('requests are shared out over the addresses of a name', async (t) => {
  const one = await startOrigin(t, respondWith('one'));
  const server = await startNameServer(t, () => ({ addresses: ['127.0.0.1', '127.0.0.2'] }));
  const { port } = await serve(
    t,
    `resolver ${server.address} ipv6=off;
     server { listen LISTEN; set $name many.test; location / { proxy_pass http://$name:${one.port}; } }
     server { listen 127.0.0.2:${one.port}; return 200 two; }`,
  );
  t.equal((await get(port)).body, 'one', 'a fresh answer in its order');
  const seen = new Set<string>();
  await eventually('both', async () => seen.add((await get(port)).body).size === 2);
  t.equal(server.questions.length, 1);
});

t.test('an address changes when its time is over', async (t) => {
  const port = await freePort();
  const one = await startOrigin(t, respondWith('one'));
  const seen = { number: 0 };
  const server = await startNameServer(t, ({ number }) => {
    seen.number = number;
    return { addresses: [number === 1 ? '127.0.0.1' : '127.0.0.2'], ttl: 1 };
  });
  const { port: proxied } = await serve(
    t,
    `resolver ${server.address} ipv6=off; server { listen LISTEN; set $name changing.test;
       location / { proxy_pass http://$name:${one.port}; } }
     server { listen 127.0.0.2:${one.port}; return 200 two; } server { listen 127.0.0.1:${port}; }`,
  );
  t.equal((await get(proxied)).body, 'one');
  await sleep(1100);
  t.equal((await get(proxied)).body, 'two');
  t.equal(seen.number, 2);
});

t.test('a client that leaves while its name is looked up', async (t) => {
  const server = await startNameServer(t, () => undefined);
  const { port, sluice } = await serve(
    t,
    `resolver ${server.address} ipv6=off; resolver_timeout 400ms;
     server { listen LISTEN; location / { proxy_pass http://$arg_name; } location /ok { return 200; } }`,
  );
  const left = Array.from({ length: 10 }, (_, i) => get(port, `/?name=n${i}.test`).catch(() => undefined));
  await eventually('the questions', () => server.questions.length >= 10);
  await sluice.reload();
  await Promise.all(left);
  t.equal((await get(port, '/ok')).status, 200);
});

t.test('peers of a zone follow their name', async (t) => {
  const origin = await startOrigin(t, respondWith('one'));
  let answer: NameAnswer | undefined = { addresses: ['127.0.0.1'], ttl: 1 };
  const server = await startNameServer(t, () => answer);
  const { port, sluice } = await serve(
    t,
    `resolver ${server.address} ipv6=off valid=1s; resolver_timeout 300ms;
     upstream named { zone named 256k; server peers.test:${origin.port} resolve; }
     server { listen LISTEN; location / { proxy_pass http://named; add_header X-Peer $upstream_addr; } }
     server { listen 127.0.0.2:${origin.port}; return 200 two; }`,
  );
  const asked = async (): Promise<string> => (await get(port)).body;
  await eventually('the first address', async () => (await asked()) === 'one');
  answer = { addresses: ['127.0.0.2'], ttl: 1 };
  await eventually('the second', async () => (await asked()) === 'two');
  answer = undefined;
  await eventually('a time-out', () => sluice.logged(/peers.test could not be resolved \(110/));
  t.equal(await asked(), 'two', 'what is not known better stays');
  answer = { code: 3 };
  await eventually('the name to be gone', async () => (await get(port)).status === 502);
  t.match(sluice.errorLog(), /no live upstreams while connecting to upstream/);
});

t.test('peers of a service: weights, those that stand by, and targets that are not there', async (t) => {
  const one = await startOrigin(t, respondWith('one'));
  const two = await startOrigin(t, respondWith('two'));
  const spare = await startOrigin(t, respondWith('spare'));
  let services = [
    `1 3 ${one.port} a.test`,
    `1 1 ${two.port} a.test`,
    `2 1 ${spare.port} a.test`,
    `1 1 ${one.port} missing.test`,
  ];
  const server = await startNameServer(t, ({ name }) => {
    if (name === 'missing.test') return { code: 3 };
    return name === '_http._tcp.peers.test' ? { services } : { addresses: ['127.0.0.1'] };
  });
  const { port, sluice } = await serve(
    t,
    `resolver ${server.address} ipv6=off valid=1s;
     upstream named { zone named 256k; server peers.test resolve service=http; }
     server { listen LISTEN; location / { proxy_pass http://named; } }`,
  );
  await eventually('the service', async () => (await get(port)).status === 200);
  const bodies: string[] = [];
  for (let i = 0; i < 8; i++) bodies.push((await get(port)).body);
  t.same(
    [bodies.filter((body) => body === 'one').length, bodies.filter((body) => body === 'two').length],
    [6, 2],
  );
  t.match(
    sluice.errorLog(),
    /missing.test could not be resolved \(3: Host not found\) while resolving service http of peers.test/,
  );
  services = [`1 1 ${await freePort()} a.test`, `2 1 ${spare.port} a.test`];
  await eventually('the spare one', async () => (await get(port)).body === 'spare');
});

t.test('what names stand for is known to workers that start later', async (t) => {
  const one = await startOrigin(t, respondWith('one'));
  const two = await startOrigin(t, respondWith('two'));
  let answer: NameAnswer = { addresses: ['127.0.0.1'], services: [`1 1 ${one.port} peers.test`] };
  const server = await startNameServer(t, () => answer);
  const listen = await freePort();
  const configuration = (port: number, zone = '256k'): string =>
    `resolver ${server.address} ipv6=off valid=1s; resolver_timeout 300ms;
     upstream named { zone shared ${zone}; server peers.test:${port} resolve; }
     upstream service { zone shared ${zone}; server peers.test resolve service=http; }
     server { listen 127.0.0.1:${listen};
       location / { proxy_pass http://named; } location /service { proxy_pass http://service; } }`;
  const { sluice } = await serve(t, configuration(one.port));
  const asked = async (path: string): Promise<string> => (await get(listen, path)).body;
  await eventually('the name', async () => (await asked('/')) === 'one');
  await eventually('the service', async () => (await asked('/service')) === 'one');

  answer = { code: 2 };
  await sluice.reload(`events {} http { access_log off; ${configuration(two.port)} }`);
  t.equal(await asked('/'), 'two', 'with the new port');
  t.equal(await asked('/service'), 'one', 'with the port that the name server said');
  const [worker = 0] = sluice.workers();
  process.kill(worker, 'SIGKILL');
  await eventually('another worker', () => sluice.workers().some((pid) => pid !== worker));
  t.equal(await asked('/'), 'two');
  t.equal(await asked('/service'), 'one');
  await sluice.reload(`events {} http { access_log off; ${configuration(two.port, '512k')} }`);
  t.equal(await asked('/'), 'two', 'in a zone of another size');
  t.equal(await asked('/service'), 'one');

  answer = { code: 3 };
  await eventually('the name to be gone', async () => (await get(listen)).status === 502);
  await eventually('the service to be gone', async () => (await get(listen, '/service')).status === 502);
  answer = { code: 2 };
  await sluice.reload();
  t.equal((await get(listen)).status, 502, 'what is gone stays gone');
  t.equal((await get(listen, '/service')).status, 502);
});

t.test('addresses that are gone leave their room in the zone to others', async (t) => {
  const origin = await startOrigin(t, respondWith('late'));
  /** Of these a zone of 32k has no room for four hundred. */
  const crowd = (round: number): string[] => Array.from({ length: 100 }, (_, i) => `127.1.${round}.${i + 1}`);
  let round = 0;
  let answer: NameAnswer | undefined;
  const server = await startNameServer(t, ({ name }) =>
    name === 'late.test' ? answer : { addresses: crowd(round) },
  );
  const { port, sluice } = await serve(
    t,
    `resolver ${server.address} ipv6=off valid=1s; resolver_timeout 300ms;
     upstream many { zone shared 32k; server many.test:1 resolve max_fails=0; }
     upstream late { zone shared 32k; server late.test:${origin.port} resolve; }
     server { listen LISTEN; add_header X-Peer $upstream_addr always;
       location / { proxy_pass http://many; proxy_next_upstream off; }
       location /late { proxy_pass http://late; } }`,
  );
  for (; round < 4; round++) {
    const peer = new RegExp(`^127\\.1\\.${round}\\.`);
    await eventually('the addresses', async () =>
      peer.test((await get(port)).headers.get('x-peer')?.[0] ?? ''),
    );
  }
  answer = { addresses: ['127.0.0.1'] };
  await eventually('the late one', async () => (await get(port, '/late')).body === 'late');
  answer = undefined;
  await sluice.reload();
  t.equal((await get(port, '/late')).body, 'late', 'there is room to remember it');
});
