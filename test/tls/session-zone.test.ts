/** `ssl_session_cache shared:`: sessions and ticket keys of all workers. */
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { readToEnd, type Secure, startSecure } from './secure.ts';

type Version = 'TLSv1.2' | 'TLSv1.3';
const VERSIONS: readonly Version[] = ['TLSv1.2', 'TLSv1.3'];

/** By `reuseport` connections go to either worker. */
const SERVER = 'server { LISTEN reuseport; return 200 "$pid $ssl_session_reused"; }';
const STATEFUL = `ssl_session_tickets off; ssl_session_cache shared:x:1m; ${SERVER}`;
const TICKETS = `ssl_session_cache shared:x:1m; ${SERVER}`;

interface Answer {
  readonly worker: string;
  readonly resumed: boolean;
}

/** One request, and the session that the next one may use. */
async function visit(
  { connect }: Secure,
  maxVersion: Version,
  session?: Buffer,
): Promise<Answer & { session: Buffer }> {
  const socket = await connect({ maxVersion, ...(session && { session }) });
  let fresh: Buffer | undefined = socket.getSession();
  socket.on('session', (next: Buffer) => {
    fresh = next;
  });
  socket.write('GET / HTTP/1.0\r\n\r\n');
  const [, worker = '', reused] = /\r\n\r\n(\d+) (.)$/.exec(await readToEnd(socket)) ?? [];
  if (!fresh) throw new Error('no session');
  return { worker, resumed: reused === 'r', session: fresh };
}

t.test('a session is good in every worker, after a reload, and after a worker was killed', async (t) => {
  for (const http of [STATEFUL, TICKETS]) {
    const secure = await startSecure(t, http, {}, { workers: 2 });
    for (const version of VERSIONS) {
      let { session } = await visit(secure, version);
      const seen = new Set<string>();
      await eventually('both workers to answer', async () => {
        const next = await visit(secure, version, session);
        if (!next.resumed) throw new Error(`${version} was not resumed in worker ${next.worker}`);
        session = next.session;
        seen.add(next.worker);
        return seen.size === 2;
      });
      await secure.sluice.reload();
      const reloaded = await visit(secure, version, session);
      t.ok(reloaded.resumed, `${version} after a reload`);
      const before = secure.sluice.workers();
      for (const pid of before) process.kill(pid, 'SIGKILL');
      await eventually('new workers', () => {
        const now = secure.sluice.workers();
        return now.length === 2 && now.every((pid) => !before.includes(pid));
      });
      t.ok((await visit(secure, version, reloaded.session)).resumed, `${version} after a crash`);
    }
  }
});

t.test('a full zone forgets the oldest sessions, and says nothing', async (t) => {
  const small = STATEFUL.replace(':1m', ':32k');
  const secure = await startSecure(t, small);
  const first = await visit(secure, 'TLSv1.2');
  for (let i = 0; i < 250; i++) await visit(secure, 'TLSv1.2');
  const last = await visit(secure, 'TLSv1.2');
  t.ok((await visit(secure, 'TLSv1.2', last.session)).resumed);
  t.notOk((await visit(secure, 'TLSv1.2', first.session)).resumed);
  t.notMatch(secure.sluice.errorLog(), /\[(alert|crit|error|warn)\]/);
});

t.test('ticket keys of a zone rotate by themselves', async (t) => {
  const secure = await startSecure(t, `ssl_session_timeout 1s; ${TICKETS}`, {}, { workers: 2 });
  /** A ticket begins with the name of its key. */
  const keyName = async (): Promise<string> => {
    const socket = await secure.connect({ maxVersion: 'TLSv1.2' });
    const name = socket.getTLSTicket()?.toString('hex', 0, 16) ?? '';
    socket.destroy();
    return name;
  };
  const names = new Set<string>();
  await eventually('three keys', async () => names.add(await keyName()).size >= 3, 20_000);
});

t.test('a zone of another size is a new one', async (t) => {
  const secure = await startSecure(t, STATEFUL);
  const { session } = await visit(secure, 'TLSv1.2');
  await secure.reconfigure(STATEFUL.replace(':1m', ':2m'));
  t.notOk((await visit(secure, 'TLSv1.2', session)).resumed);
});

t.test('a zone of another use is a new one', async (t) => {
  const secure = await startSecure(t, STATEFUL);
  await visit(secure, 'TLSv1.2');
  const upstream = `upstream x { zone x 1m; server 127.0.0.1:${await freePort()}; }`;
  await secure.reconfigure(`${upstream} server { LISTEN; location / { proxy_pass http://x; } }`);
  const socket = await secure.connect({});
  socket.write('GET / HTTP/1.0\r\n\r\n');
  t.match(await readToEnd(socket), /^HTTP\/1.1 502 /);
  await secure.reconfigure(STATEFUL);
  const { session } = await visit(secure, 'TLSv1.2');
  t.ok((await visit(secure, 'TLSv1.2', session)).resumed);
  t.equal(secure.sluice.logged(/\[alert\]|\[emerg\]/), 0);
});
