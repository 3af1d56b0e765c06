import { createSocket, type Socket } from 'node:dgram';
import t from 'tap';
import { Resolver } from '../../src/proxy/upstream/resolver.ts';
import type { Cleanup } from '../support/sluice.ts';

type Reply =
  | { readonly code?: number; readonly addresses?: readonly string[]; readonly ttl?: number }
  | undefined;

/** A name server whose answers the test gives; undefined: silence. */
async function nameServer(
  t: Cleanup,
  reply: (name: string, type: number) => Reply,
): Promise<{ address: string; asked: string[] }> {
  const socket: Socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (query, from) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = query.readUInt16BE(at + 1);
    asked.push(`${labels.join('.')} ${type}`);
    const given = reply(labels.join('.'), type);
    if (!given) return;
    const { code = 0, addresses = [], ttl = 60 } = given;
    const head = Buffer.from(query);
    head.writeUInt16BE(0x8180 | code, 2);
    head.writeUInt16BE(addresses.length, 6);
    const records = addresses.map((each) => {
      const record = Buffer.alloc(16);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(1, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(ttl, 6);
      record.writeUInt16BE(4, 10);
      Buffer.from(each.split('.').map(Number)).copy(record, 12);
      return record;
    });
    socket.send(Buffer.concat([head, ...records]), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.teardown(() => void socket.close());
  return { address: `127.0.0.1:${socket.address().port}`, asked };
}

t.test('a name is asked for once while its answer is valid', async (t) => {
  const server = await nameServer(t, (_name, type) =>
    type === 1 ? { addresses: ['10.0.0.1', '10.0.0.2'] } : {},
  );
  const resolver = new Resolver({ servers: [server.address], timeout: 2000, ipv4: true, ipv6: true });
  const [first, second] = await Promise.all([
    resolver.lookUp('Example.net'),
    resolver.lookUp('example.net.'),
  ]);
  t.same(first.addresses, ['10.0.0.1', '10.0.0.2']);
  t.same(second.addresses, first.addresses);
  await resolver.lookUp('example.net');
  t.same(server.asked.sort(), ['example.net 1', 'example.net 28']);
});

t.test('failures have their numbers, and are not kept', async (t) => {
  let code = 3;
  const server = await nameServer(t, () => ({ code }));
  const resolver = new Resolver({ servers: [server.address], timeout: 2000, ipv4: true, ipv6: false });
  t.equal((await resolver.lookUp('a.example')).code, 3);
  code = 2;
  t.equal((await resolver.lookUp('a.example')).code, 2);
});

t.test('silence ends at the time-out', async (t) => {
  const server = await nameServer(t, () => undefined);
  const resolver = new Resolver({ servers: [server.address], timeout: 100, ipv4: true, ipv6: true });
  t.equal((await resolver.lookUp('a.example')).code, 110);
});

t.test('a name without addresses is not found', async (t) => {
  const server = await nameServer(t, () => ({}));
  const resolver = new Resolver({ servers: [server.address], timeout: 2000, ipv4: true, ipv6: true });
  t.equal((await resolver.lookUp('a.example')).code, 3);
});
