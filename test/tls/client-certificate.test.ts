import t from 'tap';
import { makeIdentity } from './certificates.ts';
import { startSecure } from './secure.ts';

t.test('client certificates', async (t) => {
  const authority = makeIdentity('authority', { authority: true });
  const other = makeIdentity('other', { authority: true });
  const known = makeIdentity('known', { issuer: authority });
  const stranger = makeIdentity('stranger', { issuer: other });
  const { get, connect } = await startSecure(
    t,
    `ssl_client_certificate authority;
     add_header X-Verify $ssl_client_verify;
     server { LISTEN; server_name off; return 200 $ssl_client_verify; }
     server { LISTEN; server_name on; ssl_verify_client on; return 200 "$ssl_client_s_dn|$ssl_client_i_dn|$ssl_client_v_remain"; }
     server { LISTEN; server_name optional; ssl_verify_client optional; return 200 $ssl_client_verify; }
     server { LISTEN; server_name lax; ssl_verify_client optional_no_ca; return 200 "$ssl_client_verify|$ssl_client_escaped_cert"; }
     server { LISTEN; server_name pages; ssl_verify_client on; error_page 495 496 =403 /told; location /told { return 403 told; } return 200 x; }`,
    { authority: authority.certificate },
  );
  const as = (servername: string, { certificate, key } = { certificate: '', key: '' }) =>
    certificate ? { servername, cert: certificate, key } : { servername };

  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const ask = (servername: string, identity?: typeof known) =>
      get('/', { ...as(servername, identity), maxVersion });
    t.match(await ask('on', known), /CN=known\|CN=authority\|\d+$/, maxVersion);
    t.match(await ask('on'), /400 No required SSL certificate was sent/);
    t.match(await ask('on', stranger), /400 The SSL certificate error/);
    t.match(await ask('off', known), /NONE$/);
    t.match(await ask('optional'), /200 OK[\s\S]*NONE$/);
    t.match(await ask('optional', known), /SUCCESS$/);
    t.match(await ask('optional', stranger), /400 The SSL certificate error/);
    t.match(
      await ask('lax', stranger),
      /FAILED:unable to verify the first certificate\|-----BEGIN%20CERTIFICATE/,
    );
    t.match(await ask('lax'), /NONE\|$/);
  }
  t.match(
    await get('/', { servername: 'off', fields: ['Host: on'] }),
    /421 Misdirected Request/,
    'the handshake was for a server that asks for none',
  );
  const socket = await connect({ servername: 'on' });
  t.ok(socket.authorized === false, 'the connection itself is let through');
});
