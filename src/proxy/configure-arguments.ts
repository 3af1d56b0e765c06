/**
 * What `-V` says of the modules: an opt-in argument for each one that works, an opt-out argument for each one of
 * nginx's standard modules that doesn't. Tools and test suites decide by these words what they may use, so a word
 * belongs here if and only if it is true.
 */
export const CONFIGURE_ARGUMENTS: readonly string[] = [
  '--with-http_addition_module',
  '--with-http_auth_request_module',
  '--with-http_ssl_module',
  '--with-http_stub_status_module',
  '--with-http_v2_module',
  '--with-http_v3_module',
  '--without-http-cache',
  '--without-http_auth_basic_module',
  '--without-http_autoindex_module',
  '--without-http_browser_module',
  '--without-http_charset_module',
  '--without-http_empty_gif_module',
  '--without-http_fastcgi_module',
  '--without-http_geo_module',
  '--without-http_grpc_module',
  '--without-http_gzip_module',
  '--without-http_limit_conn_module',
  '--without-http_limit_req_module',
  '--without-http_memcached_module',
  '--without-http_referer_module',
  '--without-http_scgi_module',
  '--without-http_split_clients_module',
  '--without-http_ssi_module',
  '--without-http_tunnel_module',
  '--without-http_upstream_hash_module',
  '--without-http_upstream_ip_hash_module',
  '--without-http_upstream_least_conn_module',
  '--without-http_upstream_least_time_module',
  '--without-http_upstream_random_module',
  '--without-http_upstream_sticky_module',
  '--without-http_userid_module',
  '--without-http_uwsgi_module',
];
