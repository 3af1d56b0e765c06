import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { streamFrame } from '../quic/raw/frames.ts';
import { greeting, request } from '../quic/raw/http.ts';
import { RawClient } from '../quic/raw/raw-client.ts';
import { eventually } from '../support/eventually.ts';
import { Sluice } from '../support/sluice.ts';
import { startServing } from './serving.ts';

t.test('-t says which handler is not there, and where it is named', (t) => {
  const sluice = new Sluice({
    config:
      'events {}\nhttp { server { listen 127.0.0.1:1; location / { webtransport_handler missing.mjs; } } }',
  });
  t.teardown(() => sluice.remove());
  const { status, stderr } = spawnSync(sluice.program, ['-t', ...sluice.arguments], { encoding: 'utf8' });
  t.equal(status, 1);
  t.match(
    stderr,
    /\[emerg\].*open\(\) "[^"]*\/missing.mjs" failed \(2: No such file or directory\) in .*:\d+/,
  );
  t.end();
});

t.test('a request for anything but a session gets a 405', async (t) => {
  const { port, sluice } = await startServing(t, { none: 'export function handle() {}' });
  const client = await RawClient.connect(t, port);
  client.send(greeting, streamFrame(0, request('/none'), { end: true }));
  await client.until('the answer', () => client.received(0).ended);
  await eventually('the log', () => /^\/none 405 /m.test(readFileSync(sluice.path('access.log'), 'utf8')));
  t.equal(client.close, undefined);
});
