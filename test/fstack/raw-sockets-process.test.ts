/** Processes that use src/fstack-binding over the test double: how they start, fail and end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { freePort } from '../support/free-port.ts';
import { buildDouble, FSTACK_HOST, ini } from './double.ts';

const library = buildDouble();
const folder = mkdtempSync(join(tmpdir(), 'sluice-raw-sockets-'));
t.teardown(() => {
  rmSync(library);
  rmSync(folder, { recursive: true });
});

const ROOT = join(import.meta.dirname, '../..');
const ENTRY = join(ROOT, 'src/fstack-binding/index.ts');
const EXAMPLE = join(ROOT, 'docs/examples/fstack-echo.ts');

interface Cleanup {
  teardown(step: () => void): unknown;
}

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function start(t: Cleanup, args: readonly string[], environment: NodeJS.ProcessEnv = {}): ChildProcess {
  const env = { ...process.env, SLUICE_FSTACK: library, ...environment };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
}

/** A program that has imported the module. */
function program(t: Cleanup, code: string, environment?: NodeJS.ProcessEnv): ChildProcess {
  const whole = `import { Fstack } from ${JSON.stringify(ENTRY)}; ${code}`;
  return start(t, ['--input-type=module', '--eval', whole], environment);
}

/** What it says first. */
async function word(child: ChildProcess): Promise<string> {
  const [said] = await once(child.stdout!, 'data');
  return String(said).trim();
}

/** What starting is refused for, one try behind the other. */
async function refusals(
  t: Cleanup,
  tries: readonly object[],
  environment?: NodeJS.ProcessEnv,
): Promise<readonly { readonly code: string; readonly message: string }[]> {
  const code = `
    const all = [];
    for (const options of ${JSON.stringify(tries)})
      await Fstack.start(options).catch(({ code, message }) => all.push({ code, message }));
    process.stdout.write(JSON.stringify(all));`;
  return JSON.parse(await text(program(t, code, environment).stdout!));
}

t.test('without the library nothing starts, and it is said what to do', async (t) => {
  const conf = file('good.conf', ini());
  t.match(await refusals(t, [{ conf }], { SLUICE_FSTACK: '/nowhere' }), [
    {
      code: 'ERR_FSTACK_MISSING',
      message: /^this Sluice was built without F-Stack: build it again where F-Stack/,
    },
  ]);
  t.match(await refusals(t, [{ conf }], { SLUICE_FSTACK: '/bin/true' }), [
    { code: 'ERR_FSTACK_MISSING', message: /library for F-Stack cannot be opened \(.*\): build it again/ },
  ]);
});

t.test(
  'a configuration that cannot be is refused by file and line; a start that failed was the only one',
  async (t) => {
    const several = file('several.conf', ini().replace('lcore_mask=1', 'lcore_mask=6'));
    const wrong = file('wrong.conf', ini().replace('addr=10.0.0.2', 'addr=ten'));
    const failing = file('failing.conf', ini('fail=EAL: FATAL: Cannot get hugepage information.'));
    const nowhere = join(folder, 'nowhere.conf');
    const tries = [
      { conf: nowhere },
      { conf: several },
      { conf: wrong },
      { conf: several, lcore: -1 },
      { conf: several, idleSleep: 6000 },
      { conf: failing, lcore: 1 },
      { conf: failing },
    ];
    t.match(await refusals(t, tries), [
      { code: 'ERR_FSTACK_CONFIGURATION', message: `F-Stack's configuration cannot be read: ENOENT` },
      {
        code: 'ERR_FSTACK_CONFIGURATION',
        message: `a stack has one lcore, and "lcore_mask" names several: say which one by "lcore" in ${several}:2`,
      },
      { code: 'ERR_FSTACK_CONFIGURATION', message: `invalid "addr" address "ten" in ${wrong}:6` },
      { message: 'lcore -1 is not an integer from 0 on' },
      { message: 'idleSleep 6000 is not between 0 and 5000' },
      {
        code: 'ERR_FSTACK_START',
        message:
          /^F-Stack did not start: Cannot get hugepage information; reserve hugepages \(.*\), or allow to go without: "noHuge"$/,
      },
      { code: 'ERR_FSTACK_STARTED' },
    ]);
  },
);

t.test('the example echoes, and ends when it is told', async (t) => {
  const port = await freePort();
  const example = start(t, [EXAMPLE, file('example.conf', ini()), String(port)]);
  t.equal(await word(example), 'listening');
  const socket = connect({ port, host: FSTACK_HOST, allowHalfOpen: true });
  const content = 'stream '.repeat(100_000);
  socket.end(content);
  t.ok((await text(socket)) === content);
  const udp = createSocket('udp4');
  t.teardown(() => udp.close());
  udp.send('datagram', port, FSTACK_HOST);
  const [answer] = await once(udp, 'message');
  t.equal(String(answer), 'datagram');

  example.kill('SIGINT');
  const stats = JSON.parse(await text(example.stdout!));
  t.match(stats, { accepted: 1, bytesReceived: content.length, bytesSent: content.length, datagramsSent: 1 });
  if (example.exitCode === null) await once(example, 'exit');
  t.equal(example.exitCode, 0);
  const [error] = await once(connect(port, FSTACK_HOST), 'error');
  t.equal(error.code, 'ECONNREFUSED');
});

const serve = (conf: string, port: number, handler: string): string => `
  const stack = await Fstack.start({ conf: ${JSON.stringify(conf)} });
  await stack.listenTcp({ port: ${port} }, ${handler});
  process.stdout.write('listening\\n');`;

async function client(t: Cleanup, port: number): Promise<Socket> {
  const socket = connect(port, FSTACK_HOST);
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

t.test('a process that exits with all of it open leaves nothing', async (t) => {
  const port = await freePort();
  const handler = `(connection) => connection.on('data', () => process.exit(3))`;
  const child = program(t, serve(file('exit.conf', ini()), port, handler));
  t.equal(await word(child), 'listening');
  const clients = await Promise.all([client(t, port), client(t, port), client(t, port)]);
  const closed = clients.map((socket) => once(socket, 'close'));
  for (const socket of clients) socket.resume();
  clients[0]?.write('exit');
  const [code, signal] = await once(child, 'exit');
  t.equal(code, 3);
  t.equal(signal, null);
  await Promise.all(closed);
  t.pass('all connections are closed');
});

t.test('a handler that throws takes no news from others', async (t) => {
  const port = await freePort();
  const handler = `(connection) => {
    connection.once('data', (bytes) => {
      if (String(bytes) === 'throw') throw new Error('of the handler');
      connection.end('served');
    });
  }`;
  const report = `process.on('uncaughtException', ({ message }) => process.stdout.write(message));`;
  const child = program(t, `${report} ${serve(file('throw.conf', ini()), port, handler)}`);
  t.equal(await word(child), 'listening');
  const clients = await Promise.all(Array.from({ length: 10 }, () => client(t, port)));
  const said = word(child);
  for (const [i, socket] of clients.entries()) socket.write(i === 0 ? 'throw' : 'serve');
  const answers = await Promise.all(clients.slice(1).map((socket) => text(socket)));
  t.ok(answers.every((answer) => answer === 'served'));
  t.equal(await said, 'of the handler');
});
