import t from 'tap';
import { Resolver } from '../../src/proxy/upstream/resolver.ts';
import { type NameAnswer, startNameServer } from '../support/name-server.ts';

const A = 1;

t.test('a name is asked for once while its answer is valid', async (t) => {
  const server = await startNameServer(t, () => ({ addresses: ['10.0.0.1', '10.0.0.2'] }));
  const resolver = new Resolver({ servers: [server.address], timeout: 2000, ipv4: true, ipv6: true });
  const [first, second] = await Promise.all([
    resolver.lookUp('Example.net'),
    resolver.lookUp('example.net.'),
  ]);
  t.same(first.addresses, ['10.0.0.1', '10.0.0.2']);
  t.same(second.addresses, first.addresses);
  await resolver.lookUp('example.net');
  t.same(server.questions.map(({ name, type }) => `${name} ${type}`).sort(), [
    'example.net 1',
    'example.net 28',
  ]);
});

t.test('failures have their numbers, and are not kept', async (t) => {
  let code = 3;
  const server = await startNameServer(t, () => ({ code }));
  const resolver = new Resolver({ servers: [server.address], timeout: 2000, ipv4: true, ipv6: false });
  t.equal((await resolver.lookUp('a.example')).code, 3);
  code = 2;
  t.equal((await resolver.lookUp('a.example')).code, 2);
});

t.test('silence ends at the time-out', async (t) => {
  const server = await startNameServer(t, () => undefined);
  const resolver = new Resolver({ servers: [server.address], timeout: 100, ipv4: true, ipv6: true });
  t.equal((await resolver.lookUp('a.example')).code, 110);
});

t.test('a name without addresses is not found', async (t) => {
  const server = await startNameServer(t, () => ({}));
  const resolver = new Resolver({ servers: [server.address], timeout: 2000, ipv4: true, ipv6: true });
  t.equal((await resolver.lookUp('a.example')).code, 3);
});

t.test('addresses and aliases of both families, as nginx has them', async (t) => {
  const names: Readonly<Record<string, { readonly a?: NameAnswer; readonly aaaa?: NameAnswer }>> = {
    'both.test': { a: { addresses: ['10.0.0.1'] }, aaaa: { addresses: ['fe80::1'] } },
    'one.test': { a: { addresses: ['10.0.0.2'] } },
    'none-alias.test': { aaaa: { alias: 'both.test' } },
    'alias-none.test': { a: { alias: 'both.test' } },
    'alias-alias.test': { a: { alias: 'one.test' }, aaaa: { alias: 'both.test' } },
    'address-alias.test': { a: { addresses: ['10.0.0.3'] }, aaaa: { alias: 'both.test' } },
    'answer-alias.test': {
      a: { alias: 'both.test', addresses: ['10.0.0.4'] },
      aaaa: { alias: 'both.test' },
    },
    'chain.test': { a: { alias: 'alias-alias.test' }, aaaa: { alias: 'alias-alias.test' } },
    'circle.test': { a: { alias: 'circle.test' }, aaaa: { alias: 'circle.test' } },
    'address-failure.test': { a: { addresses: ['10.0.0.5'] }, aaaa: { code: 2 } },
    'failure-failure.test': { a: { code: 2 }, aaaa: { code: 3 } },
  };
  const server = await startNameServer(t, ({ name, type }) => names[name]?.[type === A ? 'a' : 'aaaa'] ?? {});
  const resolver = new Resolver({ servers: [server.address], timeout: 2000, ipv4: true, ipv6: true });
  const addresses = async (name: string) => (await resolver.lookUp(name)).addresses;
  t.same(await addresses('both.test'), ['10.0.0.1', '[fe80::1]']);
  t.same(await addresses('none-alias.test'), ['10.0.0.1', '[fe80::1]'], 'an alias counts for both families');
  t.same(await addresses('alias-none.test'), [], 'if the last question has it');
  t.same(await addresses('alias-alias.test'), ['10.0.0.1', '[fe80::1]'], 'the last one’s');
  t.same(await addresses('address-alias.test'), ['10.0.0.3'], 'who has addresses needs no alias');
  t.same(await addresses('answer-alias.test'), ['10.0.0.4']);
  t.same(await addresses('chain.test'), ['10.0.0.1', '[fe80::1]']);
  t.equal((await resolver.lookUp('circle.test')).code, 3);
  t.equal((await resolver.lookUp('address-failure.test')).code, 2, 'half an answer is none');
  t.equal((await resolver.lookUp('failure-failure.test')).code, 3);
});

t.test('an answer is valid for as long as the alias in it', async (t) => {
  const server = await startNameServer(t, () => ({
    alias: 'other.test',
    aliasTtl: 5,
    addresses: ['10.0.0.1'],
  }));
  const resolver = new Resolver({ servers: [server.address], timeout: 2000, ipv4: true, ipv6: false });
  const { validUntil } = await resolver.lookUp('a.test');
  t.ok(validUntil <= Date.now() + 5000);
});

t.test('names take servers in turn, all questions about one go to the same', async (t) => {
  const good = await startNameServer(t, () => ({ addresses: ['10.0.0.1', 'fe80::1'] }));
  const bad = await startNameServer(t, () => ({ code: 2 }));
  const servers = [good.address, bad.address];
  const resolver = new Resolver({ servers, timeout: 2000, ipv4: true, ipv6: true });
  t.equal((await resolver.lookUp('first.test')).code, 0);
  t.equal((await resolver.lookUp('second.test')).code, 2);
  t.equal((await resolver.lookUp('third.test')).code, 0);
  t.equal((await resolver.lookUp('fourth.test')).code, 2);
});

t.test('who does not understand us has not answered', async (t) => {
  const server = await startNameServer(t, ({ name }) => ({ code: name === 'format.test' ? 1 : 9 }));
  const resolver = new Resolver({ servers: [server.address], timeout: 100, ipv4: true, ipv6: true });
  t.equal((await resolver.lookUp('format.test')).code, 110);
  t.equal((await resolver.lookUp('other.test')).code, 110);
});

t.test('what does not fit a datagram is asked for over TCP, of the same server', async (t) => {
  const server = await startNameServer(
    t,
    () => ({ truncated: true, addresses: ['10.0.0.1'] }),
    ({ name }) => ({ truncated: name === 'never.test', addresses: ['10.0.0.2', 'fe80::2'] }),
  );
  const resolver = new Resolver({ servers: [server.address], timeout: 300, ipv4: true, ipv6: true });
  t.same((await resolver.lookUp('long.test')).addresses, ['10.0.0.2', '[fe80::2]']);
  t.equal((await resolver.lookUp('never.test')).code, 110);
  t.equal(server.questions.length, 8, 'for each family once by either way, not over and over again');
});

t.test('a service whose targets have no addresses', async (t) => {
  const codes: Readonly<Record<string, number>> = { 'failing.test': 2, 'gone.test': 3 };
  const services: Readonly<Record<string, readonly string[]>> = {
    '_http._tcp.some.test': ['1 1 80 failing.test', '1 1 80 gone.test'],
    'http.of.other.test': ['1 1 80 failing.test'],
  };
  const server = await startNameServer(t, ({ name }) => ({
    code: codes[name] ?? 0,
    services: services[name] ?? [],
  }));
  const resolver = new Resolver({ servers: [server.address], timeout: 2000, ipv4: true, ipv6: false });
  const some = await resolver.lookUpService('http', 'some.test');
  t.equal(some.code, 3, 'one that is gone settles it');
  t.same(some.failures, [
    { name: 'failing.test', code: 2 },
    { name: 'gone.test', code: 3 },
  ]);
  t.equal((await resolver.lookUpService('http.of', 'other.test')).code, 2);
  t.equal((await resolver.lookUpService('http', 'none.test')).code, 3);
});
