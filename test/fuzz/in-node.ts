/**
 * Runs a fuzz target that needs the whole data plane, inside Node:
 * node test/fuzz/in-node.ts TARGET.node CONFIGURATION PLAN ARGUMENT…
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { encodeCbor } from '../../src/proxy/plan/cbor.ts';
import { load } from '../conf/configuration.ts';
import { makeIdentity } from '../tls/certificates.ts';

const [target = '', configuration = '', plan = '', ...parameters] = process.argv.slice(2);
const { loaded, errors } = load({
  'nginx.conf': readFileSync(configuration, 'utf8'),
  'handler.mjs': '',
  ...makeIdentity('localhost'),
});
if (!loaded) throw new Error(errors.join('\n'));
writeFileSync(plan, encodeCbor(loaded.plan));
process.env.FUZZ_PLAN = plan;
process.env.FUZZ_ARGUMENTS = [target, ...parameters].join('\n');
process.dlopen({ exports: {} }, resolve(target));
