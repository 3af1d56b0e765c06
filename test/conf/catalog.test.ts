import t from 'tap';
import { knownDirectives, knownNames } from '../../src/proxy/conf/catalog.ts';
import { HINTS } from '../../src/proxy/conf/hints.ts';
import { nearest } from '../../src/proxy/conf/nearest.ts';
import { CORE_MODULES, HTTP_MODULES } from '../../src/proxy/modules/index.ts';

t.test('modules take their directives where and as nginx does', async (t) => {
  for (const { directives } of [...CORE_MODULES, ...HTTP_MODULES]) {
    for (const { name, contexts, args, body } of directives) {
      const known = knownDirectives(name).filter((each) => each.contexts & contexts);
      if (known.length === 0) continue; // one of our own
      const where = known.reduce((all, each) => all | each.contexts, 0);
      t.equal(contexts & ~where, 0, `${name}: not in a context that nginx doesn’t know`);
      t.ok(
        known.some((each) => `${each.args}` === `${args}`),
        `${name}: ${args}`,
      );
      t.ok(
        known.some((each) => each.block === (body !== undefined)),
        `${name}: block or not`,
      );
    }
  }
});

t.test('the catalog is all of open-source nginx, and hints are part of it', async (t) => {
  t.ok([...knownNames()].length > 600);
  for (const name of ['proxy_pass', 'fastcgi_pass', 'ssl_preread', 'smtp_auth', 'thread_pool'])
    t.ok(knownDirectives(name)[0]);
  for (const name of HINTS.keys()) t.ok(knownDirectives(name)[0], name);
});

t.test('the nearest name', async (t) => {
  t.equal(nearest('lsiten', ['listen', 'location']), 'listen');
  t.equal(nearest('proxypass', ['proxy_pass', 'proxy_cache']), 'proxy_pass');
  t.equal(nearest('xyz', ['listen']), undefined);
});
