// What directives allow a client, and for how long: as the client is told, and as it is kept to.
import t from 'tap';
import { FrameType, frame, newConnectionIdFrame, streamFrame } from './raw/frames.ts';
import { controlFrames, greeting, H3, request } from './raw/http.ts';
import { RawClient } from './raw/raw-client.ts';
import { startQuic } from './serving.ts';

const NO_ERROR = 0x100;

/** Transport parameters (RFC 9000, 18.2) that the server sends, by name. */
function parameters(log: string): Record<string, number> {
  const said = log.matchAll(/ remote transport_parameters (\w+)=(\d+)$/gm);
  return Object.fromEntries([...said].map(([, name, value]) => [name, Number(value)]));
}

t.test('transport parameters', async (t) => {
  const usual = await startQuic(t, 'server { LISTEN; return 200; }');
  t.match(parameters((await usual.get('/')).log), {
    active_connection_id_limit: 2,
    initial_max_stream_data_bidi_remote: 65_536,
    initial_max_streams_bidi: 128,
    max_idle_timeout: 75_000,
  });
  const { get } = await startQuic(
    t,
    `quic_active_connection_id_limit 5; http3_stream_buffer_size 20k; http3_max_concurrent_streams 7;
     server { LISTEN; keepalive_timeout 33s; return 200; }`,
  );
  t.match(parameters((await get('/')).log), {
    active_connection_id_limit: 5,
    initial_max_stream_data_bidi_remote: 20_480,
    initial_max_streams_bidi: 7,
    max_idle_timeout: 33_000,
  });
});

t.test('as many connection IDs as quic_active_connection_id_limit says', async (t) => {
  const { port } = await startQuic(t, 'quic_active_connection_id_limit 4; server { LISTEN; return 200; }');
  const issue = async (count: number): Promise<RawClient> => {
    const client = await RawClient.connect(t, port);
    for (let i = 1; i < count; i++) client.send(newConnectionIdFrame(i, 0, Buffer.alloc(8, i)));
    client.send(greeting, streamFrame(0, request('/'), { end: true }));
    return client;
  };
  const modest = await issue(4);
  await modest.until('an answer', () => modest.received(0).ended);
  t.equal(modest.close, undefined);
  const greedy = await issue(5);
  t.strictSame(await greedy.closed(), { by: 'transport', code: 0x09 });
});

t.test('keepalive_timeout ends a connection that only stays alive', async (t) => {
  const { port } = await startQuic(t, 'server { LISTEN; keepalive_timeout 500ms; return 200; }');
  const client = await RawClient.connect(t, port);
  client.send(greeting, streamFrame(0, request('/'), { end: true }));
  await client.until('an answer', () => client.received(0).ended);
  const pings = setInterval(() => client.send(frame(FrameType.ping)), 50);
  t.teardown(() => clearInterval(pings));
  t.strictSame(await client.closed(), { by: 'application', code: NO_ERROR });
  t.strictSame(controlFrames(client).at(-1), [H3.goaway, 4]);
  clearInterval(pings);
});
