import t from 'tap';
import { freePort } from '../support/free-port.ts';
import { get } from '../support/raw-client.ts';
import { Sluice, startSluice } from '../support/sluice.ts';

t.test('allow and deny', async (t) => {
  const port = await freePort();
  const sluice = new Sluice({ config: '', files: { empty: '', inherited: '' } });
  t.teardown(() => sluice.remove());
  sluice.configure(`events {} http { access_log off; server { listen 127.0.0.1:${port};
      listen unix:${sluice.path('sluice.sock')};
      deny 127.0.0.1;
      location /inherited { return 204; location /inherited/own { allow all; root .; } }
      location /order { deny 127.0.0.1/32; allow all; error_page 404 =204 /empty; }
      location /block { allow 127.0.0.0/8; deny all; error_page 404 =204 /empty; }
      location /other { allow 10.0.0.0/8; allow 2001:db8::/32; deny all; }
      location /unmentioned { deny 10.0.0.1; error_page 404 =204 /empty; }
      location /unix { allow unix:; deny all; error_page 404 =204 /empty; }
      location /limited { allow all; limit_except POST { deny all; } error_page 404 =204 /empty; }
      location = /empty { internal; allow all; root .; }
    } }`);
  await sluice.start();
  const status = async (path: string): Promise<number> => (await get(port, path)).status;
  t.equal(await status('/inherited/own'), 404, "a block's own rules replace those from outside");
  t.equal(await status('/order'), 403, 'the first rule that fits counts');
  t.equal(await status('/block'), 204);
  t.equal(await status('/other'), 403);
  t.equal(await status('/unmentioned'), 204, 'who is not mentioned may come in');
  t.equal(await status('/unix'), 403);
  t.equal(await status('/limited'), 403);
  t.equal((await get({ path: sluice.path('sluice.sock') }, '/unix')).status, 204);
  t.equal((await get({ path: sluice.path('sluice.sock') }, '/block')).status, 403);
  t.match(
    sluice.errorLog(),
    /\[error\] .* access forbidden by rule, client: 127.0.0.1, server: , request: "GET \/order/,
  );
  t.match(sluice.errorLog(), /access forbidden by rule, client: unix:, server: , request: "GET \/block/);
});

t.test('satisfy any: a refusal is logged only when nobody admits', async (t) => {
  const port = await freePort();
  const sluice = await startSluice(t, {
    config: `events {} http { access_log off; server { listen 127.0.0.1:${port}; root .;
      location / { satisfy any; deny all; } } }`,
    files: { file: 'x' },
  });
  t.equal((await get(port, '/file')).status, 403);
  t.equal(sluice.logged(/access forbidden by rule/), 1);
});
