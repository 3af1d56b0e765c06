import type { VariableDeclaration } from './module.ts';

const NAMES = [
  'ssl_protocol',
  'ssl_cipher',
  'ssl_ciphers',
  'ssl_curve',
  'ssl_curves',
  'ssl_sigalg',
  'ssl_sigalgs',
  'ssl_session_id',
  'ssl_session_reused',
  'ssl_server_name',
  'ssl_alpn_protocol',
  'ssl_ech_status',
  'ssl_ech_outer_server_name',
  'ssl_client_cert',
  'ssl_client_raw_cert',
  'ssl_client_escaped_cert',
  'ssl_client_s_dn',
  'ssl_client_i_dn',
  'ssl_client_s_dn_legacy',
  'ssl_client_i_dn_legacy',
  'ssl_client_serial',
  'ssl_client_fingerprint',
  'ssl_client_verify',
  'ssl_client_v_start',
  'ssl_client_v_end',
  'ssl_client_v_remain',
  'ssl_client_sigalg',
];

/** https://nginx.org/en/docs/http/ngx_http_ssl_module.html#variables */
export const SSL_VARIABLES: readonly VariableDeclaration[] = [
  ...NAMES.map((name) => ({ name, changeable: true })),
  // until the handshake is complete
  { name: 'ssl_early_data', changeable: true, volatile: true },
];
