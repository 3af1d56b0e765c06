/** Over the real F-Stack: raw TCP and UDP of src/fstack-binding, by the example of the documentation. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FSTACK, Network } from './network.ts';
import { folder, ini, leftovers, obstacle } from './server.ts';

const skip = obstacle() ?? false;
if (skip !== false) process.stderr.write(`test:fstack: skipped, for ${skip}\n`);
t.setTimeout(120_000);

const ROOT = join(import.meta.dirname, '../../..');
const PORT = '7';

/** Prints how much of what it sent came back, byte for byte. */
const TCP_CLIENT = `
  const content = Buffer.from(Uint32Array.from({ length: 256 * 1024 }, (_, i) => i * 2654435761).buffer);
  const ask = () => new Promise((resolve) => {
    const pieces = [];
    const socket = require('net').connect({ port: ${PORT}, host: '${FSTACK}', allowHalfOpen: true });
    socket.on('data', (piece) => pieces.push(piece)).on('end', () => resolve(Buffer.concat(pieces).equals(content)));
    socket.on('error', () => resolve(false)).end(content);
  });
  Promise.all(Array.from({ length: 20 }, ask)).then((all) => console.log(all.filter(Boolean).length));`;

/** As long as a packet holds. */
const UDP_CLIENT = `
  const socket = require('dgram').createSocket('udp4');
  const sent = ['small', 'x'.repeat(1472)];
  const come = [];
  socket.on('message', (bytes) => {
    come.push(String(bytes));
    if (come.length < sent.length) return;
    console.log(sent.every((each) => come.includes(each)));
    process.exit();
  });
  for (const each of sent) socket.send(each, ${PORT}, '${FSTACK}');
  setTimeout(() => process.exit(1), 10000);`;

t.test('the example echoes over net_af_packet', { skip }, async (t) => {
  const network = new Network(t).addVeth();
  const conf = join(folder(t), 'f-stack.conf');
  writeFileSync(conf, ini());
  const example = network.startServer(
    process.execPath,
    join(ROOT, 'docs/examples/fstack-echo.ts'),
    conf,
    PORT,
    `net_af_packet0,iface=${network.device}`,
  );
  const [said] = await once(example.stdout!, 'data');
  t.equal(String(said), 'listening\n');
  t.equal(network.run(process.execPath, '--eval', TCP_CLIENT), '20\n', '20 times a MiB, both ways');
  t.equal(network.run(process.execPath, '--eval', UDP_CLIENT), 'true\n');
  example.kill('SIGTERM');
  const [line] = await once(example.stdout!, 'data');
  const stats = JSON.parse(line);
  t.match(stats, { connections: 0, accepted: 20, bytesReceived: 20 * 1024 * 1024, datagramsReceived: 2 });
  t.ok(stats.packetsReceived > 15_000);
  t.ok(stats.turns > stats.idleTurns);
  if (example.exitCode === null) await once(example, 'exit');
  t.equal(example.exitCode, 0);
  t.strictSame(leftovers(), [], 'nothing of DPDK stays behind');
});
