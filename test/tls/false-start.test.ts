/** RFC 7918: a TLS 1.2 client sends data along with its Finished, before it has the server's. */
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import type { Cleanup } from '../support/sluice.ts';
import { startSecure } from './secure.ts';

const CHANGE_CIPHER_SPEC = 20;
const APPLICATION_DATA = 23;
const RECORD_HEAD = 5;

/** The content types of the whole records in `bytes` (RFC 5246 section 6.2.1). */
function recordTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + RECORD_HEAD <= bytes.length; at += RECORD_HEAD + bytes.readUInt16BE(at + 3)) {
    types.push(bytes.readUInt8(at));
  }
  return types;
}

/**
 * Between a client and a server. What the client sends from its ChangeCipherSpec on goes to the server in one piece,
 * once `complete` says so: the server sees the client's data before it could answer the handshake.
 */
async function startProxy(
  t: Cleanup,
  serverPort: number,
  complete: (types: readonly number[]) => boolean,
): Promise<{ readonly port: number; readonly flights: readonly string[] }> {
  const flights: string[] = [];
  const sockets: Socket[] = [];
  const proxy = createServer((client) => {
    const server = createConnection(serverPort, '127.0.0.1');
    sockets.push(client, server);
    let held = Buffer.alloc(0);
    client.on('data', (bytes: Buffer) => {
      held = Buffer.concat([held, bytes]);
      const types = recordTypes(held);
      if (types.includes(CHANGE_CIPHER_SPEC) && !complete(types)) return;
      flights.push(types.includes(APPLICATION_DATA) ? 'client with data' : 'client');
      server.write(held);
      held = Buffer.alloc(0);
    });
    server.on('data', (bytes: Buffer) => {
      flights.push('server');
      client.write(bytes);
    });
    client.on('end', () => server.end()).on('error', () => server.destroy());
    server.on('end', () => client.end()).on('error', () => client.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  });
  return { port: (proxy.address() as AddressInfo).port, flights };
}

t.test('a client that false starts is served, a round trip earlier', async (t) => {
  const { port, sluice } = await startSecure(t, 'server { LISTEN; return 200 "$ssl_protocol $ssl_cipher"; }');
  const program = sluice.path('false-start-client');
  const source = join(import.meta.dirname, 'false-start-client.cc');
  execFileSync('g++', ['-std=c++20', '-O1', '-o', program, source, '-lgnutls']);
  const ask = (through: number, start: 'on' | 'off'): Promise<string> =>
    promisify(execFile)(program, [String(through), start], { timeout: 20_000 }).then(({ stdout }) => stdout);

  const early = await startProxy(t, port, (types) => types.includes(APPLICATION_DATA));
  t.match(await ask(early.port, 'on'), /^false start\n[\s\S]*TLSv1\.2 ECDHE-ECDSA-AES(128|256)-GCM-SHA/);
  t.equal(
    early.flights.join(', ').replace(/(client with data).*/, '$1'),
    'client, server, client with data',
    'one flight of the server has come before',
  );

  const late = await startProxy(t, port, () => true);
  t.match(await ask(late.port, 'off'), /^full\n[\s\S]*TLSv1\.2 ECDHE/);
  t.equal(
    late.flights.join(', ').replace(/(client with data).*/, '$1'),
    'client, server, client, server, client with data',
    'otherwise two',
  );
});

t.test('what such clients ask for comes first where the server decides', async (t) => {
  const { connect } = await startSecure(
    t,
    'ssl_prefer_server_ciphers on; ssl_protocols TLSv1.2; server { LISTEN; return 200; }',
  );
  const socket = await connect({
    ciphers: 'ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES128-GCM-SHA256',
    ALPNProtocols: ['http/1.1'],
  });
  t.equal(socket.getCipher().name, 'ECDHE-ECDSA-AES128-GCM-SHA256');
  t.equal(socket.alpnProtocol, 'http/1.1');
});
