// Binary upgrades, by both ways of steering.
import { existsSync } from 'node:fs';
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import { steeringModes } from './steering-modes.ts';
import {
  isServing,
  LIMIT_MS,
  Load,
  nothingLost,
  PATIENCE_MS,
  serve,
  shutDown,
  Witnesses,
  WORKERS,
} from './survival.ts';

const UPGRADES = 10;

t.setTimeout(LIMIT_MS);

for (const { name, main } of steeringModes(t)) {
  t.test(`${UPGRADES} binary upgrades lose no connection, ${name}`, { timeout: LIMIT_MS }, async (t) => {
    const site = await serve(t, main);
    const { sluice, origin } = site;
    const load = new Load(t, site);
    for (let i = 0; i < UPGRADES; i++) {
      const witnesses = new Witnesses(t, site);
      await witnesses.begin();
      const old = await sluice.startNewBinary(PATIENCE_MS);
      origin.proceed();
      await shutDown(sluice, 'SIGQUIT', old);
      origin.proceed();
      await witnesses.check();
      await eventually('the old master to go', () => !existsSync(`/proc/${old}`), PATIENCE_MS);
    }
    await nothingLost(t, site, load);
  });
  t.test(`an upgrade that is taken back, ${name}`, { timeout: LIMIT_MS }, async (t) => {
    const site = await serve(t, main);
    const { sluice, get } = site;
    const witnesses = new Witnesses(t, site);
    await witnesses.begin();
    const old = await sluice.startNewBinary(PATIENCE_MS);
    const fresh = sluice.pid;
    await shutDown(sluice, 'SIGWINCH', old);
    await witnesses.begin();
    sluice.signal('SIGHUP', old);
    await eventually(
      'workers of the old master',
      () => sluice.workers(old).filter(isServing).length === WORKERS,
      PATIENCE_MS,
    );
    await shutDown(sluice, 'SIGQUIT', fresh);
    t.strictSame((await get('/small')).statuses, [200]);
    await witnesses.check();
    await eventually('the old master alone', () => sluice.running && sluice.pid === old, PATIENCE_MS);
    t.strictSame(sluice.errorLog().match(/^.*\[(alert|emerg)\].*$/gm) ?? [], []);
  });
}
