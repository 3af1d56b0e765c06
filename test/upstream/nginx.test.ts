/** nginx as the upstream, by HTTP/2 and by TLS. */
import t from 'tap';
import { serve } from '../http/serving.ts';
import { freePort } from '../support/free-port.ts';
import { startSluice } from '../support/sluice.ts';
import { makeIdentity } from '../tls/certificates.ts';

const NGINX = '/usr/sbin/nginx';

t.test('an nginx that leaves its connections again and again', async (t) => {
  const [h2, tls] = [await freePort(), await freePort()];
  const identity = makeIdentity('nginx');
  await startSluice(t, {
    program: NGINX,
    files: { crt: identity.certificate, key: identity.key },
    config: `events {}
http { access_log off; client_max_body_size 0; keepalive_requests 7;
  server { listen 127.0.0.1:${h2} http2; listen 127.0.0.1:${tls} http2 ssl;
    ssl_certificate crt; ssl_certificate_key key;
    location /post { return 200 "posted $http_content_length"; } } }`,
  });
  for (const [name, pass] of [
    ['in clear text', `http://127.0.0.1:${h2}`],
    ['by TLS', `https://127.0.0.1:${tls}`],
  ] as const) {
    const group = pass.slice(pass.indexOf('//') + 2);
    const { port, sluice } = await serve(
      t,
      `upstream group { server ${group}; keepalive 4; }
       server { listen LISTEN; proxy_http_version 2; proxy_next_upstream off; client_max_body_size 0;
        location / { proxy_pass ${pass.replace(group, 'group')}; } }`,
    );
    const post = async (size: number): Promise<string> => {
      const answer = await fetch(`http://127.0.0.1:${port}/post`, { method: 'POST', body: 'x'.repeat(size) });
      return answer.text();
    };
    for (let round = 0; round < 5; round++) {
      const sizes = Array.from({ length: 20 }, (_, i) => 1 + i * 10);
      const answers = await Promise.all(sizes.map(post));
      t.same(
        answers,
        sizes.map((size) => `posted ${size}`),
        `${name}: nothing is lost, nothing mixed up`,
      );
    }
    t.equal(sluice.logged(/\[(crit|alert|emerg)\]/), 0);
  }
});
