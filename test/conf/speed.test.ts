import t from 'tap';
import { encodeCbor } from '../../src/proxy/plan/cbor.ts';
import { http, load } from './configuration.ts';

/** Milliseconds of a processor: tests run beside others, so the clock on the wall says little. */
const BOUND = 2000;

function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

t.test('10,000 servers are read, checked and compiled within two seconds', async (t) => {
  const servers = Array.from(
    { length: 10_000 },
    (_, n) => `server { listen 80; server_name s${n}.example.com www.s${n}.example.com;
      root /srv/s${n}; location / { client_max_body_size 8m; } location ~ \\.php$ { internal; } location = /x { } }`,
  );
  const text = http(servers.join('\n'));
  const start = processorTime();
  const { loaded } = load(text);
  const bytes = encodeCbor(loaded?.plan).length;
  const elapsed = processorTime() - start;
  t.equal(loaded?.plan.http?.servers.length, 10_000);
  t.ok(elapsed < BOUND, `${Math.round(elapsed)} ms, ${bytes >> 10} KiB`);
});

t.test('a map of 100,000 entries is read within two seconds', async (t) => {
  const entries = Array.from({ length: 100_000 }, (_, n) => `key-${n} "value ${n}";`);
  const start = processorTime();
  const { loaded } = load(http(`map $uri $mapped { ${entries.join('\n')} }`));
  const elapsed = processorTime() - start;
  t.ok(loaded);
  t.ok(elapsed < BOUND, `${Math.round(elapsed)} ms`);
});
