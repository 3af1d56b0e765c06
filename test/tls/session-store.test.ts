/** `ssl_session_store`: a session of one host is resumed on another. */
import t from 'tap';
import { RedisServer } from '../support/redis.ts';
import { STATEFUL, sessions, startHost, storeIs, VERSIONS, visit, written } from './stored-sessions.ts';

t.test('a session of one host is resumed on the other, 100 of 100', async (t) => {
  const redis = await RedisServer.start(t);
  const address = `redis://127.0.0.1:${redis.port}/3`;
  const [one, other] = await Promise.all([startHost(t, address, STATEFUL), startHost(t, address, STATEFUL)]);
  await storeIs(one, 'up');
  await storeIs(other, 'up');
  let kept = 0;
  for (const version of VERSIONS) {
    const visits = await Promise.all(Array.from({ length: 100 }, () => visit(one, version)));
    // TLS 1.3 gives two tickets each
    kept += version === 'TLSv1.3' ? 200 : 100;
    await written(one, kept);
    let resumed = 0;
    for (const { session } of visits) resumed += (await visit(other, version, session)).resumed ? 1 : 0;
    t.equal(resumed, 100, version);
  }
  t.equal((await sessions(other)).remote_found, 200);
});
