import type { CatalogRow } from '../catalog.ts';
import {
  MAIL,
  MAIL_SERVER,
  MAIN,
  NO_ARGS,
  ONE,
  ONE_OR_MORE,
  ONE_OR_TWO,
  STREAM,
  STREAM_SERVER,
  STREAM_UPSTREAM,
  TWO,
  TWO_OR_MORE,
} from '../contexts.ts';

/** nginx 1.31's directives of the stream and mail contexts. */
export const STREAM_AND_MAIL: readonly CatalogRow[] = [
  ['mail_auth_http', MAIL | MAIL_SERVER, ONE, 'auth_http auth_http_pass_client_cert auth_http_timeout'],
  ['mail_auth_http', MAIL | MAIL_SERVER, TWO, 'auth_http_header'],
  ['mail_core', MAIL_SERVER, ONE_OR_MORE, 'listen'],
  ['mail_core', MAIN, NO_ARGS, 'mail', 'block'],
  ['mail_core', MAIL | MAIL_SERVER, ONE, 'max_errors resolver_timeout server_name timeout'],
  ['mail_core', MAIL_SERVER, ONE, 'protocol'],
  ['mail_core', MAIL | MAIL_SERVER, ONE_OR_MORE, 'resolver'],
  ['mail_core', MAIL, NO_ARGS, 'server', 'block'],
  ['mail_imap', MAIL | MAIL_SERVER, ONE_OR_MORE, 'imap_auth imap_capabilities'],
  ['mail_imap', MAIL | MAIL_SERVER, ONE, 'imap_client_buffer'],
  ['mail_pop3', MAIL | MAIL_SERVER, ONE_OR_MORE, 'pop3_auth pop3_capabilities'],
  [
    'mail_proxy',
    MAIL | MAIL_SERVER,
    ONE,
    `proxy proxy_buffer proxy_pass_error_message proxy_protocol proxy_smtp_auth proxy_timeout xclient`,
  ],
  ['mail_realip', MAIL | MAIL_SERVER, ONE, 'set_real_ip_from'],
  ['mail_smtp', MAIL | MAIL_SERVER, ONE_OR_MORE, 'smtp_auth smtp_capabilities'],
  ['mail_smtp', MAIL | MAIL_SERVER, ONE, 'smtp_client_buffer smtp_greeting_delay'],
  [
    'mail_ssl',
    MAIL | MAIL_SERVER,
    ONE,
    `ssl_certificate ssl_certificate_compression ssl_certificate_key ssl_ciphers ssl_client_certificate
    ssl_crl ssl_dhparam ssl_ecdh_curve ssl_password_file ssl_prefer_server_ciphers
    ssl_session_ticket_key ssl_session_tickets ssl_session_timeout ssl_trusted_certificate
    ssl_verify_client ssl_verify_depth starttls`,
  ],
  ['mail_ssl', MAIL | MAIL_SERVER, TWO, 'ssl_conf_command'],
  ['mail_ssl', MAIL | MAIL_SERVER, ONE_OR_MORE, 'ssl_protocols'],
  ['mail_ssl', MAIL | MAIL_SERVER, ONE_OR_TWO, 'ssl_session_cache'],
  ['stream_access', STREAM | STREAM_SERVER, ONE, 'allow deny'],
  ['stream_core', STREAM_SERVER, ONE_OR_MORE, 'listen server_name'],
  [
    'stream_core',
    STREAM | STREAM_SERVER,
    ONE,
    `preread_buffer_size preread_timeout proxy_protocol_timeout resolver_timeout tcp_nodelay`,
  ],
  ['stream_core', STREAM | STREAM_SERVER, ONE_OR_MORE, 'resolver'],
  ['stream_core', STREAM, NO_ARGS, 'server', 'block'],
  [
    'stream_core',
    STREAM,
    ONE,
    `server_names_hash_bucket_size server_names_hash_max_size variables_hash_bucket_size
    variables_hash_max_size`,
  ],
  ['stream_core', MAIN, NO_ARGS, 'stream', 'block'],
  ['stream_geo', STREAM, ONE_OR_TWO, 'geo', 'block'],
  ['stream_geoip', STREAM, ONE_OR_TWO, 'geoip_city geoip_country geoip_org'],
  ['stream_limit_conn', STREAM | STREAM_SERVER, TWO, 'limit_conn'],
  ['stream_limit_conn', STREAM | STREAM_SERVER, ONE, 'limit_conn_dry_run limit_conn_log_level'],
  ['stream_limit_conn', STREAM, TWO, 'limit_conn_zone'],
  ['stream_log', STREAM | STREAM_SERVER, ONE_OR_MORE, 'access_log'],
  ['stream_log', STREAM, TWO_OR_MORE, 'log_format'],
  ['stream_log', STREAM | STREAM_SERVER, [1, 4], 'open_log_file_cache'],
  ['stream_map', STREAM, TWO, 'map', 'block'],
  ['stream_map', STREAM, ONE, 'map_hash_bucket_size map_hash_max_size'],
  ['stream_pass', STREAM_SERVER, ONE, 'pass'],
  ['stream_proxy', STREAM | STREAM_SERVER, ONE_OR_TWO, 'proxy_bind'],
  [
    'stream_proxy',
    STREAM | STREAM_SERVER,
    ONE,
    `proxy_buffer_size proxy_connect_timeout proxy_download_rate proxy_downstream_buffer proxy_half_close
    proxy_next_upstream proxy_next_upstream_timeout proxy_next_upstream_tries proxy_protocol
    proxy_requests proxy_responses proxy_socket_keepalive proxy_socket_rcvbuf proxy_socket_sndbuf
    proxy_ssl proxy_ssl_certificate proxy_ssl_certificate_key proxy_ssl_ciphers proxy_ssl_crl
    proxy_ssl_name proxy_ssl_password_file proxy_ssl_server_name proxy_ssl_session_reuse
    proxy_ssl_trusted_certificate proxy_ssl_verify proxy_ssl_verify_depth proxy_timeout
    proxy_upload_rate proxy_upstream_buffer`,
  ],
  ['stream_proxy', STREAM_SERVER, ONE, 'proxy_pass'],
  ['stream_proxy', STREAM | STREAM_SERVER, ONE_OR_MORE, 'proxy_ssl_alpn proxy_ssl_protocols'],
  ['stream_proxy', STREAM | STREAM_SERVER, [1, 3], 'proxy_ssl_certificate_cache'],
  ['stream_proxy', STREAM | STREAM_SERVER, TWO, 'proxy_ssl_conf_command'],
  ['stream_realip', STREAM | STREAM_SERVER, ONE, 'set_real_ip_from'],
  ['stream_return', STREAM_SERVER, ONE, 'return'],
  ['stream_set', STREAM_SERVER, TWO, 'set'],
  ['stream_split_clients', STREAM, TWO, 'split_clients', 'block'],
  ['stream_ssl', STREAM | STREAM_SERVER, ONE_OR_MORE, 'ssl_alpn ssl_protocols'],
  [
    'stream_ssl',
    STREAM | STREAM_SERVER,
    ONE,
    `ssl_certificate ssl_certificate_compression ssl_certificate_key ssl_ciphers ssl_client_certificate
    ssl_crl ssl_dhparam ssl_ecdh_curve ssl_ech_file ssl_handshake_timeout ssl_ocsp ssl_ocsp_cache
    ssl_ocsp_responder ssl_password_file ssl_prefer_server_ciphers ssl_reject_handshake
    ssl_session_ticket_key ssl_session_tickets ssl_session_timeout ssl_stapling ssl_stapling_file
    ssl_stapling_responder ssl_stapling_verify ssl_trusted_certificate ssl_verify_client
    ssl_verify_depth`,
  ],
  ['stream_ssl', STREAM | STREAM_SERVER, [1, 3], 'ssl_certificate_cache'],
  ['stream_ssl', STREAM | STREAM_SERVER, TWO, 'ssl_conf_command'],
  ['stream_ssl', STREAM | STREAM_SERVER, ONE_OR_TWO, 'ssl_session_cache'],
  ['stream_ssl_preread', STREAM | STREAM_SERVER, ONE, 'ssl_preread'],
  ['stream_upstream', STREAM_UPSTREAM, ONE_OR_TWO, 'hash least_time zone'],
  ['stream_upstream', STREAM_UPSTREAM, NO_ARGS, 'least_conn'],
  ['stream_upstream', STREAM_UPSTREAM, [0, 2], 'random'],
  ['stream_upstream', STREAM_UPSTREAM, ONE_OR_MORE, 'resolver server'],
  ['stream_upstream', STREAM_UPSTREAM, ONE, 'resolver_timeout'],
  ['stream_upstream', STREAM, ONE, 'upstream', 'block'],
];
