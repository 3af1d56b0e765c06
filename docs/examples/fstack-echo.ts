/**
 * An echo server, TCP and UDP (RFC 862), in user space. As root:
 *
 *     node docs/examples/fstack-echo.ts f-stack.conf 7 net_af_packet0,iface=eth1
 *
 * SIGINT or SIGTERM ends it; it then prints what it has counted.
 */
import { once } from 'node:events';
import { Fstack } from 'sluice/fstack-binding';

const [conf = 'f-stack.conf', port = '7', ...devices] = process.argv.slice(2);

const stack = await Fstack.start({ conf, devices, noHuge: true });

await stack.listenTcp({ port: Number(port), allowHalfOpen: true, idleTimeout: 60_000 }, (connection) => {
  // A client that doesn't read stops what it sends: nothing piles up here.
  connection.pipe(connection);
  connection.on('error', (error) => {
    process.stderr.write(`${connection.remoteAddress}:${connection.remotePort}: ${error.message}\n`);
  });
});

const udp = await stack.bindUdp({ port: Number(port) });
udp.on('message', (bytes, from) => udp.send(bytes, from));

process.stdout.write('listening\n');

await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
process.stdout.write(`${JSON.stringify(stack.stats())}\n`);
await stack.close();
