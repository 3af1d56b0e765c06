import t from 'tap';
import { type Seen, startTrailingOrigin } from '../support/trailing-origin.ts';
import { streamFrame } from './raw/frames.ts';
import { type Fields, greeting, H3, h3Frame, headers, parseResponse, request } from './raw/http.ts';
import { RawClient } from './raw/raw-client.ts';
import { startQuic } from './serving.ts';

t.test('trailers go both ways', async (t) => {
  const seen: Seen[] = [];
  const upstream = await startTrailingOrigin(t, seen);
  const origin = `proxy_pass http://127.0.0.1:${upstream}; proxy_http_version 1.1;`;
  const { port } = await startQuic(
    t,
    `max_headers 20;
     server { LISTEN; location / { ${origin} proxy_pass_trailers on; } location /off { ${origin} } }`,
  );
  const client = await RawClient.connect(t, port);
  client.send(greeting);
  let stream = -4;
  const ask = async (path: string, ...trailers: Fields): Promise<ReturnType<typeof parseResponse>> => {
    stream += 4;
    const sent = [request(path, [], 'POST'), h3Frame(H3.data, Buffer.from('body')), headers(trailers)];
    client.send(streamFrame(stream, Buffer.concat(sent), { end: true }));
    await client.until('the answer', () => client.received(stream).ended);
    return parseResponse(client.received(stream).bytes);
  };

  const answer = await ask('/', ['x-sum', '42'], ['authorization', 'Basic x'], ['x_under', 'score']);
  t.same(answer, { statuses: [200, undefined], body: Buffer.from('answer') });
  t.same(seen.pop(), { body: 'body', trailers: { 'x-sum': '42' } });

  t.same((await ask('/off', ['x-sum', '42'])).statuses, [200]);
  t.same(seen.pop(), { body: 'body', trailers: {} });

  for (const [name, value] of [
    [':path', '/'],
    ['connection', 'x'],
    ['X-Upper', 'case'],
    ['x', 'line\nfeed'],
  ] as const) {
    t.equal((await ask('/', [name, value])).statuses[0], 400, name);
  }
  const many = Array.from({ length: 21 }, (_, i): [string, string] => [`x-${i}`, 'x']);
  t.equal((await ask('/', ...many)).statuses[0], 400, 'max_headers');
  t.equal(seen.length, 0, 'the upstream has seen none of these');
});
