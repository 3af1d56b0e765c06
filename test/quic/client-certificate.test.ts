import t from 'tap';
import { freePorts } from '../support/free-port.ts';
import { makeIdentity } from '../tls/certificates.ts';
import { startQuic } from './serving.ts';

const MODES = ['off', 'on', 'optional', 'optional_no_ca'] as const;
type Mode = (typeof MODES)[number];

t.test('client certificates', async (t) => {
  const authority = makeIdentity('authority', { authority: true });
  const known = makeIdentity('known', { issuer: authority });
  const ports = await freePorts(MODES.length);
  const servers = MODES.map(
    (mode, i) => `server { listen 127.0.0.1:${ports[i]} quic; ssl_verify_client ${mode};
      return 200 "$ssl_client_verify $ssl_client_s_dn $ssl_client_i_dn $http3"; }`,
  );
  const { client, sluice } = await startQuic(t, `ssl_client_certificate authority; ${servers.join('')}`, {
    authority: authority.certificate,
    'known.pem': known.certificate,
    'known.key': known.key,
  });
  const ask = async (mode: Mode, shows = false): Promise<string> => {
    const args = shows ? [`--cert=${sluice.path('known.pem')}`, `--key=${sluice.path('known.key')}`] : [];
    const { statuses, bodies } = await client.get(ports[MODES.indexOf(mode)] ?? 0, ['/x'], { args });
    return `${statuses[0]} ${bodies.get('x')}`;
  };
  t.equal(await ask('on', true), '200 SUCCESS CN=known CN=authority h3');
  t.match(await ask('on'), /^400 [\s\S]*No required SSL certificate was sent/);
  t.equal(await ask('off', true), '200 NONE   h3');
  t.equal(await ask('optional'), '200 NONE   h3');
  t.equal(await ask('optional', true), '200 SUCCESS CN=known CN=authority h3');
  t.equal(await ask('optional_no_ca'), '200 NONE   h3');
  t.equal(await ask('optional_no_ca', true), '200 SUCCESS CN=known CN=authority h3');
});
