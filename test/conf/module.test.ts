import t from 'tap';
import { HTTP, HTTP_SERVER_LOCATION, LOCATION, ONE, TWO } from '../../src/proxy/conf/contexts.ts';
import { flag, list, local, number, text } from '../../src/proxy/modules/directive.ts';
import { httpCore } from '../../src/proxy/modules/http-core.ts';
import type { HttpModule } from '../../src/proxy/modules/module.ts';
import type { HttpPlan, LocationPlan } from '../../src/proxy/plan/http.ts';
import { http, load, type Outcome } from './configuration.ts';

const toyPass = local(text('toy_pass', LOCATION, undefined));
const toyRetries = number('toy_retries', HTTP_SERVER_LOCATION, 3, { least: 1, most: 9 });
const toyBuffering = flag('toy_buffering', HTTP_SERVER_LOCATION, true);
const toyField = list('toy_field', HTTP_SERVER_LOCATION, TWO, ({ words }) => words.slice(1));
const toyVariable = list('toy_variable', HTTP, ONE, (statement) => statement.word(1));
const toyZone = list('toy_zone', HTTP, TWO, ({ words }) => words.slice(1));

/** A module such as those that proxy, with everything that the framework offers to one. */
const toy: HttpModule = {
  name: 'http_toy',
  directives: [toyPass, toyRetries, toyBuffering, toyField, toyVariable, toyZone],
  variables: [{ name: 'toy_status' }, { name: 'toy_arg_', prefix: true }],
  handler: { directive: toyPass, redirectsToSlash: true },
  declare(scope, compiler) {
    for (const { value, statement } of scope.own(toyVariable)) compiler.variables.define(value, statement);
    for (const { value, statement } of scope.own(toyZone)) {
      compiler.descriptors.zone(value[0] ?? '', Number(value[1]), 'http_toy', statement);
    }
  },
  compileBlock(scope, compiler) {
    const pass = scope.find(toyPass);
    return {
      pass: pass && compiler.template(pass.value ?? '', pass.statement),
      retries: scope.get(toyRetries),
      buffering: scope.get(toyBuffering),
      fields: scope.all(toyField).map(({ value }) => value),
    };
  },
};

function loadToy(text: string): Outcome {
  return load(http(text), { httpModules: [httpCore, toy] });
}

function plan(text: string): HttpPlan {
  const { loaded, errors } = loadToy(text);
  if (!loaded?.plan.http) throw new Error(errors.join('\n'));
  return loaded.plan.http;
}

function locations({ servers }: HttpPlan): LocationPlan[] {
  return servers.flatMap(({ locations }) => locations.prefix.map(([, location]) => location));
}

t.test(
  'values are the nearest block’s, lists are inherited as a whole, defaults stand elsewhere',
  async (t) => {
    const compiled = plan(`toy_field a 1; toy_field b 2; toy_retries 5;
    server { location /one { toy_field c 3; } location /two { toy_retries 7; toy_buffering off; } }`);
    const [one, two] = locations(compiled).map(({ block }) => {
      return compiled.modules.http_toy?.[compiled.blocks[block]?.confs.http_toy ?? -1];
    });
    t.match(one, { retries: 5, buffering: true, fields: [['c', '3']] });
    t.match(two, {
      retries: 7,
      buffering: false,
      fields: [
        ['a', '1'],
        ['b', '2'],
      ],
    });
  },
);

t.test('blocks that say nothing of a module share one configuration', async (t) => {
  const servers = Array.from(
    { length: 50 },
    (_, n) => `server { server_name s${n}; location / { etag off; } }`,
  );
  const compiled = plan(`toy_retries 2; ${servers.join('\n')}`);
  t.equal(compiled.modules.http_toy?.length, 1);
  t.equal(compiled.modules.http_core?.length, 51, 'the http block’s, and each location’s');
});

t.test('what is local isn’t for nested locations, but for what limits its own', async (t) => {
  const compiled = plan(`server { location /a/ { toy_pass $toy_status; toy_retries 4;
    limit_except GET { } location /a/b/ { } } }`);
  const [outer] = locations(compiled);
  const nested = outer?.nested?.prefix[0]?.[1];
  const conf = (block: number | undefined): unknown =>
    compiled.modules.http_toy?.[compiled.blocks[block ?? -1]?.confs.http_toy ?? -1];
  t.match(outer, { handler: 'http_toy', autoRedirect: true });
  t.match(conf(outer?.block), { pass: [0], retries: 4 });
  t.match(outer?.limitExcept, { handler: 'http_toy' });
  t.equal(conf(outer?.limitExcept?.block), conf(outer?.block), 'the very same');
  t.equal(nested?.handler, undefined);
  t.notOk(nested?.autoRedirect);
  t.match(conf(nested?.block), { pass: undefined, retries: 4 });
});

t.test('variables: known, by prefix, made by directives, or unknown', async (t) => {
  const { loaded } = loadToy(`toy_variable Made;
    server { location / { toy_pass "$toy_status \${TOY_ARG_x} $made $1 $made"; } }`);
  t.same(loaded?.plan.variables, [{ name: 'made' }, { name: 'toy_status' }, { name: 'toy_arg_x' }]);
  t.same(loaded?.plan.http?.modules.http_toy?.at(-1)?.pass, [1, ' ', 2, ' ', 0, ' ', -2, ' ', 0]);
  t.same(loadToy('server { location / { toy_pass $nosuch; } }').errors, ['unknown "nosuch" variable']);
  t.same(loadToy('toy_variable toy_status;').errors, ['the duplicate "toy_status" variable in nginx.conf:3']);
});

t.test('numbers keep to their bounds', async (t) => {
  t.same(loadToy('toy_retries 10;').errors, ['value must be between 1 and 9 in nginx.conf:3']);
  t.same(loadToy('toy_retries x;').errors, ['"toy_retries" directive invalid number in nginx.conf:3']);
});

t.test('a zone has one size', async (t) => {
  const zones = loadToy('toy_zone a 0; toy_zone a 4096; toy_zone a 0;').loaded?.plan.fds.filter(
    (fd) => fd.kind === 'zone' && fd.name === 'a',
  );
  t.same(zones, [{ kind: 'zone', name: 'a', size: 4096, owner: 'http_toy' }]);
  t.same(loadToy('toy_zone a 1; toy_zone a 2;').errors, [
    'the size 2 of shared memory zone "a" conflicts with already declared size 1 in nginx.conf:3',
  ]);
});
