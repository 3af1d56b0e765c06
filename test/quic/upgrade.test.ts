import { randomBytes } from 'node:crypto';
import t from 'tap';
import { digest } from './gtls-client.ts';
import { startQuic } from './serving.ts';

t.test('a download goes on through a binary upgrade, and new connections are served', async (t) => {
  const file = randomBytes(3_000_000);
  const { get, sluice } = await startQuic(
    t,
    'server { LISTEN; limit_rate 1m; }',
    { 'file.bin': file },
    { workers: 2, daemon: true },
  );
  const downloads = Array.from({ length: 3 }, () => get('/file.bin'));
  await new Promise((resolve) => setTimeout(resolve, 500));
  const old = await sluice.startNewBinary(10_000);
  for (let i = 0; i < 6; i++) t.strictSame((await get('/missing')).statuses, [404], 'both serve');
  sluice.signal('SIGQUIT', old);
  for (const { bodies } of await Promise.all(downloads))
    t.equal(digest(bodies.get('file.bin')), digest(file), 'whole');
  t.strictSame((await get('/missing')).statuses, [404], 'the new one serves');
});
