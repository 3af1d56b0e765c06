// Reloads, by both ways of steering.
import t from 'tap';
import { eventually } from '../support/eventually.ts';
import type { Sluice } from '../support/sluice.ts';
import { steeringModes } from './steering-modes.ts';
import {
  isServing,
  LIMIT_MS,
  Load,
  nothingLost,
  PATIENCE_MS,
  serve,
  Witnesses,
  WORKERS,
} from './survival.ts';

const RELOADS = 50;
/** From a long download and an idle connection to the next. */
const STRIDE = 10;

/** Resolves when new workers serve, and they alone. */
async function replaceWorkers(sluice: Sluice): Promise<void> {
  const before = new Set(sluice.workers());
  sluice.signal('SIGHUP');
  const replaced = (): boolean => {
    const serving = sluice.workers().filter(isServing);
    return serving.length === WORKERS && !serving.some((pid) => before.has(pid));
  };
  await eventually('new workers', replaced, PATIENCE_MS);
}

t.setTimeout(LIMIT_MS);

for (const { name, main } of steeringModes(t)) {
  t.test(`${RELOADS} reloads lose no connection, ${name}`, { timeout: LIMIT_MS }, async (t) => {
    const site = await serve(t, main);
    const load = new Load(t, site);
    const witnesses = new Witnesses(t, site);
    for (let i = 0; i < RELOADS; i++) {
      if (i % STRIDE === 0) await witnesses.begin();
      await replaceWorkers(site.sluice);
      site.origin.proceed();
    }
    await witnesses.check();
    await nothingLost(t, site, load);
  });
}
