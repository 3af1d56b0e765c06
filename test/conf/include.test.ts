import { join } from 'node:path';
import t from 'tap';
import { filesMatching } from '../../src/proxy/conf/include.ts';
import { peekProcessMode } from '../../src/proxy/conf/peek.ts';
import { folder, load } from './configuration.ts';

t.test('patterns match as a shell’s, sorted by bytes', async (t) => {
  const names = [
    'b.conf',
    'B.conf',
    'a.conf',
    '.hidden.conf',
    'a.conf~',
    '{q}.conf',
    'sub/x.conf',
    'other/x.conf',
  ];
  const { path, remove } = folder(Object.fromEntries(names.map((name) => [name, ''])));
  t.teardown(remove);
  const matching = (pattern: string): string[] =>
    filesMatching(join(path, pattern)).map((file) => file.slice(path.length + 1));
  t.same(matching('*.conf'), ['B.conf', 'a.conf', 'b.conf', '{q}.conf']);
  t.same(matching('[ab].conf'), ['a.conf', 'b.conf']);
  t.same(matching('[!a-z]*.conf'), ['B.conf', '{q}.conf']);
  t.same(matching('?.conf'), ['B.conf', 'a.conf', 'b.conf']);
  t.same(matching('.*.conf'), ['.hidden.conf']);
  t.same(matching('*/x.conf'), ['other/x.conf', 'sub/x.conf']);
  t.same(matching('[z-a].conf'), []);
  t.same(matching('none/*.conf'), []);
});

t.test('files are included where they stand, from the configuration’s folder, and dumped once', async (t) => {
  const { loaded } = load({
    'nginx.conf': 'events {}\nhttp { include conf.d/*.conf; include mime.types; include none/*.conf; }\n',
    'conf.d/a.conf': 'server { listen 1; include inner; }',
    'conf.d/b.conf': 'server { listen 2; include inner; }',
    'mime.types': 'types { include more; }',
    more: 'text/x x;\xff/y y;',
    inner: 'root /r;',
  });
  t.same(
    loaded?.plan.listeners.map(({ address }) => address),
    ['0.0.0.0:1', '0.0.0.0:2'],
  );
  t.same(loaded?.plan.http?.main.http_core, {
    types: [
      [
        ['x', 'text/x'],
        ['y', '\xff/y'],
      ],
    ],
  });
  const files = [...(loaded?.files.keys() ?? [])].map((name) => name.replace(/.*sluice-conf-[^/]*\//, ''));
  t.same(files, ['nginx.conf', 'conf.d/a.conf', 'inner', 'conf.d/b.conf', 'mime.types', 'more']);
});

t.test('an error in an included file is named there', async (t) => {
  t.same(load({ 'nginx.conf': 'events {}\ninclude a;\nfoo;', a: '\n}\nbar;\n' }).errors, [
    'unexpected "}" in a:2',
    'unknown directive "bar" in a:3',
    'unknown directive "foo" in nginx.conf:3',
  ]);
});

t.test('files that include themselves are refused', async (t) => {
  const { errors } = load({ 'nginx.conf': 'events {}\ninclude a;', a: 'include a; include a;' });
  t.same(errors, ['open() "a" failed (24: Too many open files) in a:1']);
});

t.test('daemon and master_process are known before anything is checked', async (t) => {
  const { path, remove } = folder({
    'nginx.conf': 'nonsense { daemon on; }\ninclude main;\n',
    main: 'daemon OFF;',
    broken: 'daemon on; "',
  });
  t.teardown(remove);
  const mode = (configuration: string, directives?: string): unknown =>
    peekProcessMode({ prefix: path, configuration, ...(directives && { directives }) });
  t.same(mode('nginx.conf'), { daemon: false, masterProcess: true });
  t.same(mode('main', 'master_process off;'), { daemon: false, masterProcess: false });
  t.same(mode('broken'), { daemon: false, masterProcess: true }, 'its errors are for the terminal');
  t.same(mode('none'), { daemon: false, masterProcess: true });
});
