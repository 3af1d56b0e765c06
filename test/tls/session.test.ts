import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import t from 'tap';
import { readToEnd, type Secure, startSecure } from './secure.ts';

type Version = 'TLSv1.2' | 'TLSv1.3';

const SERVER = 'server { LISTEN; return 200 "$ssl_session_reused$ssl_early_data"; }';

/** What a first connection leaves to the next ones. */
async function firstSession({ connect }: Secure, maxVersion: Version): Promise<Buffer | undefined> {
  const socket = await connect({ maxVersion });
  let session: Buffer | undefined = socket.getSession();
  socket.on('session', (fresh: Buffer) => {
    session = fresh;
  });
  socket.write('GET / HTTP/1.0\r\n\r\n');
  await readToEnd(socket);
  return session;
}

async function resumes(secure: Secure, maxVersion: Version): Promise<boolean> {
  const session = await firstSession(secure, maxVersion);
  return /\r\nr$/.test(await secure.get('/', { maxVersion, session }));
}

t.test('sessions are resumed', async (t) => {
  const byTicket = await startSecure(t, SERVER);
  t.ok(await resumes(byTicket, 'TLSv1.2'), 'TLS 1.2 by ticket');
  t.ok(await resumes(byTicket, 'TLSv1.3'), 'TLS 1.3 by ticket');

  const byId = await startSecure(t, `ssl_session_tickets off; ssl_session_cache shared:x:1m; ${SERVER}`);
  t.ok(await resumes(byId, 'TLSv1.2'), 'TLS 1.2 by id');
  t.ok(await resumes(byId, 'TLSv1.3'), 'TLS 1.3 by id');

  const never = await startSecure(t, `ssl_session_tickets off; ssl_session_cache off; ${SERVER}`);
  t.notOk(await resumes(never, 'TLSv1.2'));
  t.notOk(await resumes(never, 'TLSv1.3'));
});

t.test('tickets of a key file outlive a reload, and a change of the first key', async (t) => {
  const [first, second] = [randomBytes(80), randomBytes(48)];
  const secure = await startSecure(
    t,
    `ssl_session_ticket_key first; ssl_session_ticket_key second; ${SERVER}`,
    {
      first: '',
      second: '',
    },
  ).catch(() => undefined);
  t.equal(secure, undefined, 'keys must have their size');

  const files = { first: '0'.repeat(80), second: '1'.repeat(48) };
  const serving = await startSecure(
    t,
    `ssl_session_ticket_key first; ssl_session_ticket_key second; ${SERVER}`,
    files,
  );
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    writeFileSync(serving.sluice.path('first'), first);
    writeFileSync(serving.sluice.path('second'), second);
    await serving.sluice.reload();
    const session = await firstSession(serving, version);
    writeFileSync(serving.sluice.path('first'), second);
    writeFileSync(serving.sluice.path('second'), first);
    await serving.sluice.reload();
    t.match(await serving.get('/', { maxVersion: version, session }), /\r\nr$/, version);
  }
});

t.test('early data', async (t) => {
  for (const on of [true, false]) {
    const { sluice, port } = await startSecure(t, `ssl_early_data ${on ? 'on' : 'off'}; ${SERVER}`);
    const client = (...words: string[]): Promise<string> => {
      const running = promisify(execFile)(
        'openssl',
        ['s_client', '-connect', `127.0.0.1:${port}`, '-ign_eof', ...words],
        { encoding: 'latin1', timeout: 10_000 },
      );
      if (!words.includes('-early_data')) running.child.stdin?.end('GET / HTTP/1.0\r\n\r\n');
      // a server that closes before the handshake is over can't say so: an error for this client
      return running.then(
        ({ stdout }) => stdout,
        ({ stdout }) => stdout,
      );
    };
    writeFileSync(sluice.path('request'), 'GET / HTTP/1.0\r\n\r\n');
    await client('-sess_out', sluice.path('session'));
    const answer = await client(
      '-sess_in',
      sluice.path('session'),
      ...(on ? ['-early_data', sluice.path('request')] : []),
    );
    if (on) {
      t.match(answer, 'Early data was accepted');
      t.match(answer, /\r\nr1\n?/, '$ssl_early_data');
    } else {
      t.match(answer, /Max Early Data: 0|Early data was not sent/);
      t.match(answer, /\r\nr(?!1)/);
    }
  }
});
