/** `sluice_status`, `stub_status`: counters of all workers. */
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { readToEnd, type Secure, startSecure } from '../tls/secure.ts';

const HTTP = `server { LISTEN reuseport;
  location /stub { stub_status; location /stub/nested { return 200 nested; } }
  location /status { sluice_status; }
  location /json { sluice_status json; }
  location /prometheus { sluice_status prometheus; }
  location /pid { return 200 "$pid"; }
}`;

type Status = Record<string, Record<string, number>>;

const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

async function status(secure: Secure): Promise<Status> {
  return JSON.parse(bodyOf(await secure.get('/status')));
}

t.test('a status page adds up all workers, and keeps its sums over reloads and crashes', async (t) => {
  const secure = await startSecure(t, HTTP, {}, { workers: 2 });
  const pids = new Set<string>();
  let requests = 0;
  await eventually('both workers', async () => {
    requests++;
    return pids.add(bodyOf(await secure.get('/pid'))).size === 2;
  });
  const before = await status(secure);
  t.equal(before.http?.requests, requests + 1, 'this one counts too');
  t.equal(before.connections?.accepted, requests + 1);
  t.equal(before.connections?.active, 1);
  t.equal(before.connections?.writing, 1);
  t.equal(before.tls?.handshakes_full, requests + 1);

  await secure.sluice.reload();
  t.equal((await status(secure)).http?.requests, requests + 2, 'after a reload');

  const open = await secure.connect();
  open.write('GET /status HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('a waiting connection', async () => (await status(secure)).connections?.waiting === 1);
  const known = (await status(secure)).http?.requests ?? 0;
  const workers = secure.sluice.workers();
  for (const pid of workers) process.kill(pid, 'SIGKILL');
  await eventually('new workers', () => {
    const now = secure.sluice.workers();
    return now.length === 2 && now.every((pid) => !workers.includes(pid));
  });
  const after = await status(secure);
  t.ok((after.http?.requests ?? 0) >= known, 'after a crash');
  t.equal(after.connections?.active, 1, 'connections of the dead are gone');
});

t.test('the format is that of the directive, the argument or Accept', async (t) => {
  const secure = await startSecure(t, HTTP);
  const scraper = [
    'Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
  ];
  const sample = /^sluice_connections_accepted_total \d+$/m;
  t.match(await secure.get('/status'), /application\/json/);
  t.match(await secure.get('/status', { fields: scraper }), sample);
  t.match(await secure.get('/status?format=prometheus'), sample);
  t.match(await secure.get('/status?format=json', { fields: scraper }), /application\/json/);
  t.match(await secure.get('/json', { fields: scraper }), /application\/json/);
  const page = await secure.get('/prometheus');
  t.match(page, /Content-Type: text\/plain; version=0\.0\.4\r\n/);
  for (const line of bodyOf(page).trimEnd().split('\n')) {
    t.match(line, /^(# HELP [a-z0-9_]+ .+|# TYPE [a-z0-9_]+ (counter|gauge)|[a-z0-9_]+ \d+)$/);
  }
  t.match(
    await secure.get('/stub'),
    /\r\n\r\nActive connections: 1 \nserver accepts handled requests\n 7 7 7 \n/,
  );
  t.match(await secure.get('/stub/nested'), /nested$/, 'is not inherited');
  const socket = await secure.connect();
  socket.write('POST /status HTTP/1.0\r\n\r\n');
  t.match(await readToEnd(socket), /^HTTP\/1.1 405 /);
});
