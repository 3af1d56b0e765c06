/** `npm run test:fstack`: the end-to-end tests over the real F-Stack. As root, with FF_PATH, after a build that found it. */
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../../support/eventually.ts';
import { Sluice, startSluice } from '../../support/sluice.ts';
import { makeIdentity } from '../../tls/certificates.ts';
import { CLIENT, FSTACK, Network } from './network.ts';
import {
  afPacket,
  answer,
  folder,
  freeHugepages,
  ini,
  leftovers,
  ORIGIN_PORT,
  obstacle,
  start,
  startOrigin,
  tryCurl,
  warnings,
} from './server.ts';

const skip = obstacle() ?? false;
if (skip !== false) process.stderr.write(`test:fstack: skipped, for ${skip}\n`);
t.setTimeout(180_000);
const NOBODY = 65534;

t.test('one worker over net_af_packet', { skip }, async (t) => {
  const network = new Network(t).addVeth();
  const files = folder(t);
  const big = join(files, 'big');
  writeFileSync(big, 'y'.repeat(1024 * 1024));
  const { certificate, key } = makeIdentity('fstack.test');
  await startOrigin(network);
  const http = `
    server { listen 80;
      location / { return 200 served; }
      location /addresses { return 200 "$remote_addr $server_addr:$server_port"; }
      location /file { alias ${big}; }
      location /proxied/ { proxy_pass http://${CLIENT}:${ORIGIN_PORT}/; }
      location /kernel/ { proxy_pass http://127.0.0.1:8081/; }
      location /unix/ { proxy_pass http://unix:${files}/origin:/; } }
    server { listen 443 ssl; listen 443 quic; http2 on; ssl_certificate cert.pem; ssl_certificate_key key.pem;
      location / { return 200 "$server_protocol $ssl_protocol"; }
      location /proxied/ { proxy_pass http://${CLIENT}:${ORIGIN_PORT}/; } }
    server { listen 82 proxy_protocol backlog=64 so_keepalive=10s:1s:3; keepalive_timeout 1s; client_header_timeout 1s;
      return 200 "$proxy_protocol_addr $remote_addr"; }
    server { listen 8081; listen unix:${files}/origin; kernel_network_stack on; return 200 "the kernel at $server_addr"; }`;
  const main = afPacket(network);
  const sluice = await start(t, network, { http, main, files: { 'cert.pem': certificate, 'key.pem': key } });
  const url = (path: string): string => `http://${FSTACK}${path}`;
  const secure = (path: string): string => `https://${FSTACK}${path}`;

  t.equal(sluice.logged(/\[(warn|alert|emerg)\]/), 0, 'it comes up on F-Stack');
  t.equal(network.curl(url('/addresses')), `${CLIENT} ${FSTACK}:80`);

  t.equal(network.curl(url('/file')).length, 1024 * 1024, 'a file of a MiB');
  t.equal(network.curl(url('/proxied/big')).length, 1024 * 1024, 'a response of a MiB');
  t.equal(
    network.curl('--data-binary', `@${big}`, url('/proxied/')),
    `1048576 bytes from ${FSTACK}`,
    'a request of a MiB',
  );
  t.equal(network.curl(url('/kernel/')), 'the kernel at 127.0.0.1', 'both stacks at once');
  t.equal(network.curl(url('/unix/')), `the kernel at unix:${files}/origin`);
  const told = `http://${FSTACK}:82/`;
  t.equal(network.curl('--haproxy-protocol', told), `${CLIENT} ${CLIENT}`, 'PROXY protocol');
  t.throws(() => network.curl(told), 'without its header the connection ends');
  const silence = `exec 3<>/dev/tcp/${FSTACK}/82; printf 'PROXY UNKNOWN\\r\\nGET /' >&3; cat <&3`;
  t.equal(network.run('bash', '-c', silence), '', 'a request that never comes has its time-out');

  t.equal(network.curl('--insecure', '--http1.1', secure('/')), 'HTTP/1.1 TLSv1.3');
  t.equal(network.curl('--insecure', '--http2', secure('/')), 'HTTP/2.0 TLSv1.3');
  t.equal(
    network.curl('--insecure', '--http2', secure('/proxied/big')).length,
    1024 * 1024,
    'a MiB by HTTP/2',
  );
  t.equal(
    network.curl('--insecure', '--http2', '--data-binary', `@${big}`, secure('/proxied/')),
    `1048576 bytes from ${FSTACK}`,
    'and the other way',
  );

  const http3 = (...args: string[]): string =>
    network.run('gtlsclient', '--quiet', '--exit-on-all-streams-close', `--download=${files}`, ...args);
  http3(FSTACK, '443', secure('/proxied/big'));
  t.equal(statSync(big).size, 1024 * 1024, 'a MiB by HTTP/3');
  http3('--http-method=POST', `--data=${big}`, FSTACK, '443', secure('/proxied/upload'));
  t.equal(readFileSync(join(files, 'upload'), 'latin1'), `1048576 bytes from ${FSTACK}`, 'and the other way');

  const crowd = join(import.meta.dirname, 'crowd.ts');
  t.equal(
    network.run(process.execPath, crowd, FSTACK, '80', '1000'),
    '2000\n',
    '1,000 connections, kept alive',
  );

  await sluice.reload();
  t.equal(await answer(network, url('/')), 'served', 'after a reload');
  t.strictSame(warnings(sluice), [], 'on F-Stack still');

  const [worker = 0] = sluice.workers();
  sluice.signal('SIGKILL', worker);
  await eventually('its end', () => sluice.logged(new RegExp(`worker process ${worker} exited on signal 9`)));
  t.equal(await answer(network, url('/')), 'served', 'after a worker was killed');
  t.strictSame(warnings(sluice), [], 'on F-Stack still');

  await sluice.stop();
  t.equal(sluice.logged(/exited on signal (?!9)/), 0, 'it ends in order');
  t.strictSame(leftovers(), [], 'and leaves nothing behind, of the killed one neither');
});

t.test('without its device a worker serves on the kernel', { skip }, async (t) => {
  const network = new Network(t);
  const main = 'fstack_device net_af_packet0,iface=nowhere;';
  const sluice = await startSluice(t, {
    program: network.program(folder(t), { clientSide: true }),
    config: 'events {} http { access_log off; server { listen 80; return 200 served; } }',
    main: `fstack_conf f-stack.conf; ${main}`,
    files: { 'f-stack.conf': ini() },
  });
  t.equal(network.curl('http://127.0.0.1/'), 'served');
  t.equal(sluice.logged(/\[warn\]/), 1);
  t.match(
    sluice.errorLog(),
    /\[warn\].*F-Stack did not start: .*"fstack_device".*serves on the kernel's network stack/,
  );
});

t.test('started by who is not root, workers serve on the kernel and say so', { skip }, async (t) => {
  const network = new Network(t).addVeth();
  network.clientNamespace = network.server;
  const sluice = new Sluice({
    program: network.program(folder(t), { uid: NOBODY }),
    config: 'events {} http { access_log off; server { listen 8080; return 200 served; } }',
    main: `fstack_conf f-stack.conf; ${afPacket(network)}`,
    files: { 'f-stack.conf': ini() },
  });
  t.teardown(() => sluice.remove());
  chmodSync(sluice.directory, 0o777);
  await sluice.start();
  t.equal(network.curl('http://127.0.0.1:8080/'), 'served');
  t.match(
    sluice.errorLog(),
    /\[warn\].*F-Stack did not start: .*; start the master as root.*serves on the kernel's network stack/,
  );
});

const skipTap = skip || (freeHugepages() < 300 && 'two workers need 300 hugepages of 2 MB');

t.test('two workers over net_tap', { skip: skipTap }, async (t) => {
  const network = new Network(t);
  network.clientNamespace = network.server;
  const http = `
    server { listen 80;
      location / { return 200 $pid; }
      location /proxied/ { proxy_pass http://${CLIENT}:${ORIGIN_PORT}/; } }`;
  const sluice = await startSluice(t, {
    program: network.program(folder(t)),
    config: `events { } http { access_log off; ${http} }`,
    workers: 2,
    main: `fstack_conf f-stack.conf; fstack_device net_tap0,iface=${network.device},mac=fixed;`,
    files: {
      'f-stack.conf': ini(2).replace('no_huge=1', 'no_huge=0'),
    },
  });
  const url = `http://${FSTACK}/`;
  // DPDK makes the tap, and gives it its MAC a while later.
  const tapAnswer = (): Promise<string> =>
    eventually('an answer', () => (network.adoptTap() ? tryCurl(network, url) : undefined), 20_000);
  await tapAnswer();
  await startOrigin(network);
  const pids = (): string[] => Array.from({ length: 40 }, () => network.curl(url));
  const workersOf = (found: readonly string[]): number[] => [...new Set(found.map(Number))].toSorted();

  t.strictSame(warnings(sluice), []);
  t.strictSame(workersOf(pids()), sluice.workers().toSorted(), 'both serve');
  for (let i = 0; i < 16; i++) {
    t.equal(
      network.curl(`${url}proxied/`),
      `0 bytes from ${FSTACK}`,
      'a reply of an upstream finds its worker',
    );
  }

  const before = sluice.workers();
  sluice.signal('SIGKILL', before[1]);
  await eventually(
    'both to be replaced',
    () => sluice.workers().filter((pid) => !before.includes(pid)).length === 2,
  );
  await tapAnswer();
  await eventually('both to serve', () => workersOf(pids()).length === 2, 20_000);
  t.equal(sluice.logged(/a worker on F-Stack has died, those that share its memory are started anew/), 1);
  await sluice.stop();
  t.strictSame(leftovers(), [], 'no file of a hugepage stays');
});
