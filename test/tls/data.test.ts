import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import t from 'tap';
import { freePort } from '../support/free-port.ts';
import { startOrigin } from '../support/origin.ts';
import { read, readToEnd, startSecure } from './secure.ts';

const MEGABYTE = 1024 * 1024;

function digest(data: Buffer | string): string {
  return createHash('sha256')
    .update(typeof data === 'string' ? Buffer.from(data, 'latin1') : data)
    .digest('hex');
}

t.test('bodies of several megabytes, both ways', async (t) => {
  const body = randomBytes(5 * MEGABYTE);
  const origin = await startOrigin(t, ({ socket, head, rest }) => {
    if (head.startsWith('GET')) {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body);
      return;
    }
    let received = rest;
    const answer = (): void => {
      if (received.length < body.length) return;
      const hash = digest(received);
      socket.end(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: ${hash.length}\r\n\r\n${hash}`);
    };
    socket.removeAllListeners('data').on('data', (data) => {
      received += data;
      answer();
    });
    answer();
  });
  const { connect, get } = await startSecure(
    t,
    `server { LISTEN; root .; client_max_body_size 0;
       location /file { alias ./; }
       location /streamed { proxy_request_buffering off; proxy_buffering off; proxy_pass http://127.0.0.1:${origin.port}; }
       location / { proxy_pass http://127.0.0.1:${origin.port}; } }`,
    { data: body.toString('latin1') },
  );
  for (const path of ['/', '/streamed']) {
    const answer = await get(path);
    t.equal(digest(answer.slice(answer.indexOf('\r\n\r\n') + 4)), digest(body), `down ${path}`);
    const socket = await connect();
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    socket.write(body);
    t.ok((await readToEnd(socket)).endsWith(digest(body)), `up ${path}`);
  }
});

t.test('files, and a client that reads slowly', async (t) => {
  const text = randomBytes(3 * MEGABYTE).toString('hex');
  for (const sendfile of ['on', 'off']) {
    const { get, connect } = await startSecure(t, `server { LISTEN; sendfile ${sendfile}; root .; }`, {
      text,
    });
    const answer = await get('/text');
    t.equal(digest(answer.slice(answer.indexOf('\r\n\r\n') + 4)), digest(text), `sendfile ${sendfile}`);
    const socket = await connect();
    socket.pause();
    socket.write('GET /text HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await sleep(300);
    const slow = await readToEnd(socket);
    t.equal(digest(slow.slice(slow.indexOf('\r\n\r\n') + 4)), digest(text), `slowly, sendfile ${sendfile}`);
  }
});

t.test('requests follow each other on one connection', async (t) => {
  const { connect } = await startSecure(t, 'server { LISTEN; return 200 "$connection_requests;"; }');
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const socket = await connect({ maxVersion });
    for (let request = 1; request <= 5; request++) {
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      t.match(await read(socket, (text) => text.endsWith(';')), new RegExp(`\\r\\n${request};$`));
    }
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
    t.match(
      await read(socket, (text) => text.endsWith('8;')),
      /6;[\s\S]*7;[\s\S]*8;$/,
      `pipelined, ${maxVersion}`,
    );
    socket.destroy();
  }
});

interface TlsRecord {
  readonly type: number;
  readonly size: number;
}

/** The records that the answer to a request comes in, over TLS 1.2: their types are in clear. */
async function recordsOf(port: number, path: string): Promise<TlsRecord[]> {
  const records: TlsRecord[] = [];
  let rest: Buffer = Buffer.alloc(0);
  const relay = createServer((client) => {
    const server = createConnection(port, '127.0.0.1');
    client.pipe(server).pipe(client);
    // the server has closed before it has the client's close_notify
    server.on('error', () => client.end());
    server.on('data', (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      while (rest.length >= 5 && rest.length >= 5 + rest.readUInt16BE(3)) {
        const size = rest.readUInt16BE(3);
        records.push({ type: rest.readUInt8(0), size });
        rest = rest.subarray(5 + size);
      }
    });
  });
  const relayPort = await freePort();
  relay.listen(relayPort, '127.0.0.1');
  const socket = connect({
    host: '127.0.0.1',
    port: relayPort,
    rejectUnauthorized: false,
    maxVersion: 'TLSv1.2',
  });
  await once(socket, 'secureConnect');
  socket.write(`GET ${path} HTTP/1.0\r\n\r\n`);
  await once(socket.resume(), 'end');
  relay.close();
  return records;
}

const ALERT = 21;
const DATA = 23;

t.test('a connection ends with close_notify', async (t) => {
  const { port } = await startSecure(t, 'server { LISTEN; return 200 x; }');
  const records = await recordsOf(port, '/');
  t.equal(records.at(-1)?.type, ALERT, 'an alert, before the end of the stream');
  t.equal(records.filter(({ type }) => type === DATA).length, 1, 'head and body are one record');
});

t.test('the first records of a long answer are short', async (t) => {
  const { port } = await startSecure(t, 'server { LISTEN; root .; }', { long: 'x'.repeat(100_000) });
  const sizes = (await recordsOf(port, '/long')).filter(({ type }) => type === DATA).map(({ size }) => size);
  t.ok((sizes[0] ?? 0) < 4200, `the first holds ${sizes[0]}`);
  t.ok(Math.max(...sizes) > 16_000, 'later ones are full');
});
