import t from 'tap';
import { serve } from '../http/serving.ts';
import { RawClient } from '../support/raw-client.ts';

const REQUEST = 'GET / HTTP/1.1\r\nHost: HOST\r\n\r\n';

t.test('a worker that shuts down leaves connections alone for keepalive_min_timeout', async (t) => {
  const { sluice, port } = await serve(
    t,
    `server { listen LISTEN; server_name others; location / { return 200 x; } }
    server { listen LISTEN; server_name reserved; keepalive_min_timeout 30s; location / { return 200 x; } }
    server { listen LISTEN; server_name brief; keepalive_min_timeout 300ms; location / { return 200 x; } }`,
  );
  const connect = async (host: string): Promise<RawClient> => {
    const client = new RawClient(port);
    t.teardown(() => client.close());
    client.send(REQUEST.replace('HOST', host));
    await client.response();
    return client;
  };
  const [other, reserved, brief] = await Promise.all(['others', 'reserved', 'brief'].map(connect));
  sluice.signal('SIGHUP');
  t.equal(await other?.end(), '', 'closed');
  t.equal(await brief?.end(), '', 'closed when its time was over');
  reserved?.send(REQUEST.replace('HOST', 'reserved'));
  const answer = await reserved?.response();
  t.equal(answer?.status, 200, 'still open for a request that was on its way');
  t.same(answer?.headers.get('connection'), ['close']);
  t.equal(await reserved?.end(), '');
});
