import type { CatalogRow } from '../catalog.ts';
import {
  HTTP,
  HTTP_SERVER,
  HTTP_SERVER_LOCATION,
  LIMIT_EXCEPT,
  LOCATION,
  LOCATION_IF,
  MAIN,
  NO_ARGS,
  ONE,
  ONE_OR_MORE,
  ONE_OR_TWO,
  SERVER,
  SERVER_IF,
  TWO,
  TWO_OR_MORE,
  UPSTREAM,
} from '../contexts.ts';

/** nginx 1.31's directives of the http context. */
export const HTTP_MODULES: readonly CatalogRow[] = [
  ['http_access', HTTP_SERVER_LOCATION | LIMIT_EXCEPT, ONE, 'allow deny'],
  ['http_addition', HTTP_SERVER_LOCATION, ONE, 'add_after_body add_before_body'],
  ['http_addition', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'addition_types'],
  ['http_auth_basic', HTTP_SERVER_LOCATION | LIMIT_EXCEPT, ONE, 'auth_basic auth_basic_user_file'],
  ['http_auth_request', HTTP_SERVER_LOCATION, ONE, 'auth_request'],
  ['http_auth_request', HTTP_SERVER_LOCATION, TWO, 'auth_request_set'],
  [
    'http_autoindex',
    HTTP_SERVER_LOCATION,
    ONE,
    `autoindex autoindex_exact_size autoindex_format autoindex_localtime`,
  ],
  ['http_browser', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'ancient_browser'],
  ['http_browser', HTTP_SERVER_LOCATION, ONE, 'ancient_browser_value modern_browser_value'],
  ['http_browser', HTTP_SERVER_LOCATION, ONE_OR_TWO, 'modern_browser'],
  ['http_charset', HTTP_SERVER_LOCATION | LOCATION_IF, ONE, 'charset override_charset source_charset'],
  ['http_charset', HTTP, TWO, 'charset_map', 'block'],
  ['http_charset', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'charset_types'],
  [
    'http_core',
    HTTP_SERVER_LOCATION,
    ONE,
    `absolute_redirect aio aio_write auth_delay chunked_transfer_encoding client_body_buffer_size
    client_body_in_file_only client_body_in_single_buffer client_body_timeout client_max_body_size
    default_type directio directio_alignment etag if_modified_since keepalive_min_timeout
    keepalive_requests keepalive_time lingering_close lingering_time lingering_timeout log_not_found
    log_subrequest max_ranges msie_padding msie_refresh open_file_cache_errors open_file_cache_events
    open_file_cache_min_uses open_file_cache_valid port_in_redirect postpone_output read_ahead
    recursive_error_pages reset_timedout_connection resolver_timeout satisfy send_lowat send_timeout
    sendfile_max_chunk server_name_in_redirect server_tokens subrequest_output_buffer_size tcp_nodelay
    tcp_nopush types_hash_bucket_size types_hash_max_size`,
  ],
  ['http_core', LOCATION, ONE, 'alias'],
  ['http_core', HTTP_SERVER_LOCATION, [1, 4], 'client_body_temp_path'],
  [
    'http_core',
    HTTP_SERVER,
    ONE,
    `client_header_buffer_size client_header_timeout connection_pool_size ignore_invalid_headers
    max_headers merge_slashes request_pool_size underscores_in_headers`,
  ],
  [
    'http_core',
    HTTP_SERVER_LOCATION,
    ONE_OR_TWO,
    `disable_symlinks keepalive_disable keepalive_timeout open_file_cache`,
  ],
  ['http_core', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'early_hints resolver'],
  ['http_core', HTTP_SERVER_LOCATION | LOCATION_IF, TWO_OR_MORE, 'error_page'],
  ['http_core', MAIN, NO_ARGS, 'http', 'block'],
  ['http_core', LOCATION, NO_ARGS, 'internal'],
  ['http_core', HTTP_SERVER, TWO, 'large_client_header_buffers'],
  ['http_core', LOCATION, ONE_OR_MORE, 'limit_except', 'block'],
  [
    'http_core',
    HTTP_SERVER_LOCATION | LOCATION_IF,
    ONE,
    `limit_rate limit_rate_after post_action root sendfile`,
  ],
  ['http_core', SERVER, ONE_OR_MORE, 'listen server_name'],
  ['http_core', SERVER | LOCATION, ONE_OR_TWO, 'location', 'block'],
  ['http_core', HTTP_SERVER_LOCATION, TWO, 'output_buffers'],
  ['http_core', HTTP, NO_ARGS, 'server', 'block'],
  [
    'http_core',
    HTTP,
    ONE,
    `server_names_hash_bucket_size server_names_hash_max_size variables_hash_bucket_size
    variables_hash_max_size`,
  ],
  ['http_core', SERVER | LOCATION, TWO_OR_MORE, 'try_files'],
  ['http_core', HTTP_SERVER_LOCATION, NO_ARGS, 'types', 'block'],
  ['http_core', HTTP_SERVER, ONE_OR_MORE, 'client_body_early_read'],
  ['http_dav', HTTP_SERVER_LOCATION, ONE, 'create_full_put_path min_delete_depth'],
  ['http_dav', HTTP_SERVER_LOCATION, [1, 3], 'dav_access'],
  ['http_dav', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'dav_methods'],
  ['http_degradation', HTTP, ONE, 'degradation'],
  ['http_degradation', HTTP_SERVER_LOCATION, ONE, 'degrade'],
  ['http_empty_gif', LOCATION, NO_ARGS, 'empty_gif'],
  ['http_fastcgi', HTTP_SERVER_LOCATION, ONE_OR_TWO, 'fastcgi_bind'],
  [
    'http_fastcgi',
    HTTP_SERVER_LOCATION,
    ONE,
    `fastcgi_buffer_size fastcgi_buffering fastcgi_busy_buffers_size fastcgi_cache
    fastcgi_cache_background_update fastcgi_cache_key fastcgi_cache_lock fastcgi_cache_lock_age
    fastcgi_cache_lock_timeout fastcgi_cache_max_range_offset fastcgi_cache_min_uses
    fastcgi_cache_revalidate fastcgi_catch_stderr fastcgi_connect_timeout fastcgi_force_ranges
    fastcgi_hide_header fastcgi_ignore_client_abort fastcgi_index fastcgi_intercept_errors
    fastcgi_keep_conn fastcgi_limit_rate fastcgi_max_temp_file_size fastcgi_next_upstream_timeout
    fastcgi_next_upstream_tries fastcgi_pass_header fastcgi_pass_request_body
    fastcgi_pass_request_headers fastcgi_read_timeout fastcgi_request_buffering fastcgi_send_lowat
    fastcgi_send_timeout fastcgi_socket_keepalive fastcgi_socket_rcvbuf fastcgi_socket_sndbuf
    fastcgi_split_path_info fastcgi_store fastcgi_temp_file_write_size`,
  ],
  ['http_fastcgi', HTTP_SERVER_LOCATION, TWO, 'fastcgi_buffers'],
  [
    'http_fastcgi',
    HTTP_SERVER_LOCATION,
    ONE_OR_MORE,
    `fastcgi_cache_bypass fastcgi_cache_methods fastcgi_cache_use_stale fastcgi_cache_valid
    fastcgi_ignore_headers fastcgi_next_upstream fastcgi_no_cache`,
  ],
  ['http_fastcgi', HTTP, TWO_OR_MORE, 'fastcgi_cache_path'],
  ['http_fastcgi', HTTP_SERVER_LOCATION, [2, 3], 'fastcgi_param'],
  ['http_fastcgi', LOCATION | LOCATION_IF, ONE, 'fastcgi_pass'],
  ['http_fastcgi', HTTP_SERVER_LOCATION, [1, 3], 'fastcgi_store_access'],
  ['http_fastcgi', HTTP_SERVER_LOCATION, [1, 4], 'fastcgi_temp_path'],
  ['http_flv', LOCATION, NO_ARGS, 'flv'],
  ['http_geo', HTTP, ONE_OR_TWO, 'geo', 'block'],
  ['http_geoip', HTTP, ONE_OR_TWO, 'geoip_city geoip_country geoip_org'],
  ['http_geoip', HTTP, ONE, 'geoip_proxy geoip_proxy_recursive'],
  ['http_grpc', HTTP_SERVER_LOCATION, ONE_OR_TWO, 'grpc_bind'],
  [
    'http_grpc',
    HTTP_SERVER_LOCATION,
    ONE,
    `grpc_buffer_size grpc_connect_timeout grpc_hide_header grpc_intercept_errors
    grpc_next_upstream_timeout grpc_next_upstream_tries grpc_pass_header grpc_read_timeout
    grpc_send_timeout grpc_socket_keepalive grpc_socket_rcvbuf grpc_socket_sndbuf grpc_ssl_certificate
    grpc_ssl_certificate_key grpc_ssl_ciphers grpc_ssl_crl grpc_ssl_name grpc_ssl_password_file
    grpc_ssl_server_name grpc_ssl_session_reuse grpc_ssl_trusted_certificate grpc_ssl_verify
    grpc_ssl_verify_depth`,
  ],
  [
    'http_grpc',
    HTTP_SERVER_LOCATION,
    ONE_OR_MORE,
    `grpc_ignore_headers grpc_next_upstream grpc_ssl_protocols`,
  ],
  ['http_grpc', LOCATION | LOCATION_IF, ONE, 'grpc_pass'],
  ['http_grpc', HTTP_SERVER_LOCATION, TWO, 'grpc_set_header grpc_ssl_conf_command'],
  ['http_grpc', HTTP_SERVER_LOCATION, [1, 3], 'grpc_ssl_certificate_cache'],
  ['http_gunzip', HTTP_SERVER_LOCATION, ONE, 'gunzip'],
  ['http_gunzip', HTTP_SERVER_LOCATION, TWO, 'gunzip_buffers'],
  ['http_gzip', HTTP_SERVER_LOCATION | LOCATION_IF, ONE, 'gzip'],
  ['http_gzip', HTTP_SERVER_LOCATION, TWO, 'gzip_buffers'],
  ['http_gzip', HTTP_SERVER_LOCATION, ONE, 'gzip_comp_level gzip_http_version gzip_min_length gzip_vary'],
  ['http_gzip', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'gzip_disable gzip_proxied gzip_types'],
  ['http_gzip_filter', HTTP_SERVER_LOCATION, ONE, 'gzip_hash gzip_no_buffer gzip_window postpone_gzipping'],
  ['http_gzip_static', HTTP_SERVER_LOCATION, ONE, 'gzip_static'],
  ['http_headers', HTTP_SERVER_LOCATION | LOCATION_IF, [2, 3], 'add_header add_trailer'],
  ['http_headers', HTTP_SERVER_LOCATION | LOCATION_IF, ONE, 'add_header_inherit add_trailer_inherit'],
  ['http_headers', HTTP_SERVER_LOCATION | LOCATION_IF, ONE_OR_TWO, 'expires'],
  ['http_image_filter', LOCATION, [1, 3], 'image_filter'],
  [
    'http_image_filter',
    HTTP_SERVER_LOCATION,
    ONE,
    `image_filter_buffer image_filter_interlace image_filter_jpeg_quality image_filter_sharpen
    image_filter_transparency image_filter_webp_quality`,
  ],
  ['http_index', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'index'],
  ['http_limit_conn', HTTP_SERVER_LOCATION, TWO, 'limit_conn'],
  ['http_limit_conn', HTTP_SERVER_LOCATION, ONE, 'limit_conn_dry_run limit_conn_log_level limit_conn_status'],
  ['http_limit_conn', HTTP, TWO, 'limit_conn_zone'],
  ['http_limit_req', HTTP_SERVER_LOCATION, [1, 3], 'limit_req'],
  ['http_limit_req', HTTP_SERVER_LOCATION, ONE, 'limit_req_dry_run limit_req_log_level limit_req_status'],
  ['http_limit_req', HTTP, [3, 3], 'limit_req_zone'],
  ['http_log', HTTP_SERVER_LOCATION | LOCATION_IF | LIMIT_EXCEPT, ONE_OR_MORE, 'access_log'],
  ['http_log', HTTP, TWO_OR_MORE, 'log_format'],
  ['http_log', HTTP_SERVER_LOCATION, [1, 4], 'open_log_file_cache'],
  ['http_map', HTTP, TWO, 'map', 'block'],
  ['http_map', HTTP, ONE, 'map_hash_bucket_size map_hash_max_size'],
  ['http_memcached', HTTP_SERVER_LOCATION, ONE_OR_TWO, 'memcached_bind'],
  [
    'http_memcached',
    HTTP_SERVER_LOCATION,
    ONE,
    `memcached_buffer_size memcached_connect_timeout memcached_gzip_flag memcached_next_upstream_timeout
    memcached_next_upstream_tries memcached_read_timeout memcached_send_timeout
    memcached_socket_keepalive`,
  ],
  ['http_memcached', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'memcached_next_upstream'],
  ['http_memcached', LOCATION | LOCATION_IF, ONE, 'memcached_pass'],
  ['http_mirror', HTTP_SERVER_LOCATION, ONE, 'mirror mirror_request_body'],
  ['http_mp4', LOCATION, NO_ARGS, 'mp4'],
  ['http_mp4', HTTP_SERVER_LOCATION, ONE, 'mp4_buffer_size mp4_max_buffer_size mp4_start_key_frame'],
  ['http_perl', LOCATION | LIMIT_EXCEPT, ONE, 'perl'],
  ['http_perl', HTTP, ONE, 'perl_modules perl_require'],
  ['http_perl', HTTP, TWO, 'perl_set'],
  [
    'http_proxy',
    HTTP_SERVER_LOCATION,
    ONE_OR_TWO,
    `proxy_bind proxy_cookie_domain proxy_cookie_path proxy_redirect`,
  ],
  [
    'http_proxy',
    HTTP_SERVER_LOCATION,
    ONE,
    `proxy_buffer_size proxy_buffering proxy_busy_buffers_size proxy_cache proxy_cache_background_update
    proxy_cache_convert_head proxy_cache_key proxy_cache_lock proxy_cache_lock_age
    proxy_cache_lock_timeout proxy_cache_max_range_offset proxy_cache_min_uses proxy_cache_revalidate
    proxy_connect_timeout proxy_force_ranges proxy_headers_hash_bucket_size proxy_headers_hash_max_size
    proxy_hide_header proxy_http_version proxy_ignore_client_abort proxy_intercept_errors
    proxy_limit_rate proxy_max_temp_file_size proxy_method proxy_next_upstream_timeout
    proxy_next_upstream_tries proxy_pass_header proxy_pass_request_body proxy_pass_request_headers
    proxy_pass_trailers proxy_read_timeout proxy_request_buffering proxy_send_lowat proxy_send_timeout
    proxy_set_body proxy_socket_keepalive proxy_socket_rcvbuf proxy_socket_sndbuf proxy_ssl_certificate
    proxy_ssl_certificate_key proxy_ssl_ciphers proxy_ssl_crl proxy_ssl_name proxy_ssl_password_file
    proxy_ssl_server_name proxy_ssl_session_reuse proxy_ssl_trusted_certificate proxy_ssl_verify
    proxy_ssl_verify_depth proxy_store proxy_temp_file_write_size`,
  ],
  ['http_proxy', HTTP_SERVER_LOCATION, TWO, 'proxy_buffers proxy_set_header proxy_ssl_conf_command'],
  [
    'http_proxy',
    HTTP_SERVER_LOCATION,
    ONE_OR_MORE,
    `proxy_cache_bypass proxy_cache_methods proxy_cache_use_stale proxy_cache_valid proxy_ignore_headers
    proxy_next_upstream proxy_no_cache proxy_ssl_protocols`,
  ],
  ['http_proxy', HTTP, TWO_OR_MORE, 'proxy_cache_path'],
  ['http_proxy', HTTP_SERVER_LOCATION, [1, 4], 'proxy_cookie_flags proxy_temp_path'],
  ['http_proxy', LOCATION | LOCATION_IF | LIMIT_EXCEPT, ONE, 'proxy_pass'],
  ['http_proxy', HTTP_SERVER_LOCATION, [1, 3], 'proxy_ssl_certificate_cache proxy_store_access'],
  ['http_random_index', LOCATION, ONE, 'random_index'],
  ['http_realip', HTTP_SERVER_LOCATION, ONE, 'real_ip_header real_ip_recursive set_real_ip_from'],
  ['http_referer', SERVER | LOCATION, ONE, 'referer_hash_bucket_size referer_hash_max_size'],
  ['http_referer', SERVER | LOCATION, ONE_OR_MORE, 'valid_referers'],
  ['http_rewrite', SERVER | LOCATION | SERVER_IF | LOCATION_IF, NO_ARGS, 'break'],
  ['http_rewrite', SERVER | LOCATION, ONE_OR_MORE, 'if', 'block'],
  ['http_rewrite', SERVER | LOCATION | SERVER_IF | LOCATION_IF, ONE_OR_TWO, 'return'],
  ['http_rewrite', SERVER | LOCATION | SERVER_IF | LOCATION_IF, [2, 3], 'rewrite'],
  [
    'http_rewrite',
    HTTP_SERVER_LOCATION | SERVER_IF | LOCATION_IF,
    ONE,
    `rewrite_log uninitialized_variable_warn`,
  ],
  ['http_rewrite', SERVER | LOCATION | SERVER_IF | LOCATION_IF, TWO, 'set'],
  ['http_scgi', HTTP_SERVER_LOCATION, ONE_OR_TWO, 'scgi_bind'],
  [
    'http_scgi',
    HTTP_SERVER_LOCATION,
    ONE,
    `scgi_buffer_size scgi_buffering scgi_busy_buffers_size scgi_cache scgi_cache_background_update
    scgi_cache_key scgi_cache_lock scgi_cache_lock_age scgi_cache_lock_timeout
    scgi_cache_max_range_offset scgi_cache_min_uses scgi_cache_revalidate scgi_connect_timeout
    scgi_force_ranges scgi_hide_header scgi_ignore_client_abort scgi_intercept_errors scgi_limit_rate
    scgi_max_temp_file_size scgi_next_upstream_timeout scgi_next_upstream_tries scgi_pass_header
    scgi_pass_request_body scgi_pass_request_headers scgi_read_timeout scgi_request_buffering
    scgi_send_timeout scgi_socket_keepalive scgi_socket_rcvbuf scgi_socket_sndbuf scgi_store
    scgi_temp_file_write_size`,
  ],
  ['http_scgi', HTTP_SERVER_LOCATION, TWO, 'scgi_buffers'],
  [
    'http_scgi',
    HTTP_SERVER_LOCATION,
    ONE_OR_MORE,
    `scgi_cache_bypass scgi_cache_methods scgi_cache_use_stale scgi_cache_valid scgi_ignore_headers
    scgi_next_upstream scgi_no_cache`,
  ],
  ['http_scgi', HTTP, TWO_OR_MORE, 'scgi_cache_path'],
  ['http_scgi', HTTP_SERVER_LOCATION, [2, 3], 'scgi_param'],
  ['http_scgi', LOCATION | LOCATION_IF, ONE, 'scgi_pass'],
  ['http_scgi', HTTP_SERVER_LOCATION, [1, 3], 'scgi_store_access'],
  ['http_scgi', HTTP_SERVER_LOCATION, [1, 4], 'scgi_temp_path'],
  ['http_secure_link', HTTP_SERVER_LOCATION, ONE, 'secure_link secure_link_md5 secure_link_secret'],
  ['http_slice', HTTP_SERVER_LOCATION, ONE, 'slice'],
  ['http_split_clients', HTTP, TWO, 'split_clients', 'block'],
  ['http_ssi', HTTP_SERVER_LOCATION | LOCATION_IF, ONE, 'ssi'],
  [
    'http_ssi',
    HTTP_SERVER_LOCATION,
    ONE,
    `ssi_last_modified ssi_min_file_chunk ssi_silent_errors ssi_value_length`,
  ],
  ['http_ssi', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'ssi_types'],
  ['http_ssi_filter', HTTP_SERVER_LOCATION, ONE, 'ssi_ignore_recycled_buffers'],
  [
    'http_ssl',
    HTTP_SERVER,
    ONE,
    `ssl_buffer_size ssl_certificate ssl_certificate_compression ssl_certificate_key ssl_ciphers
    ssl_client_certificate ssl_crl ssl_dhparam ssl_early_data ssl_ecdh_curve ssl_ech_file ssl_ocsp
    ssl_ocsp_cache ssl_ocsp_responder ssl_password_file ssl_prefer_server_ciphers ssl_reject_handshake
    ssl_session_ticket_key ssl_session_tickets ssl_session_timeout ssl_stapling ssl_stapling_file
    ssl_stapling_responder ssl_stapling_verify ssl_trusted_certificate ssl_verify_client
    ssl_verify_depth`,
  ],
  ['http_ssl', HTTP_SERVER, [1, 3], 'ssl_certificate_cache'],
  ['http_ssl', HTTP_SERVER, TWO, 'ssl_conf_command'],
  ['http_ssl', HTTP_SERVER, ONE_OR_MORE, 'ssl_protocols'],
  ['http_ssl', HTTP_SERVER, ONE_OR_TWO, 'ssl_session_cache'],
  ['http_stub_status', SERVER | LOCATION, [0, 1], 'stub_status'],
  ['http_sub', HTTP_SERVER_LOCATION, TWO, 'sub_filter'],
  ['http_sub', HTTP_SERVER_LOCATION, ONE, 'sub_filter_last_modified sub_filter_once'],
  ['http_sub', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'sub_filter_types'],
  ['http_tunnel', HTTP_SERVER_LOCATION, ONE_OR_TWO, 'tunnel_bind'],
  [
    'http_tunnel',
    HTTP_SERVER_LOCATION,
    ONE,
    `tunnel_buffer_size tunnel_connect_timeout tunnel_next_upstream_timeout tunnel_next_upstream_tries
    tunnel_read_timeout tunnel_send_lowat tunnel_send_timeout tunnel_socket_keepalive
    tunnel_socket_rcvbuf tunnel_socket_sndbuf`,
  ],
  ['http_tunnel', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'tunnel_next_upstream'],
  ['http_tunnel', SERVER | LOCATION | LOCATION_IF, [0, 1], 'tunnel_pass'],
  ['http_upstream', UPSTREAM, ONE_OR_TWO, 'hash keepalive least_time zone'],
  ['http_upstream', UPSTREAM, NO_ARGS, 'ip_hash least_conn'],
  ['http_upstream', UPSTREAM, ONE, 'keepalive_requests keepalive_time keepalive_timeout resolver_timeout'],
  ['http_upstream', UPSTREAM, [0, 2], 'random'],
  ['http_upstream', UPSTREAM, ONE_OR_MORE, 'resolver server'],
  ['http_upstream', UPSTREAM, TWO_OR_MORE, 'sticky'],
  ['http_upstream', HTTP, ONE, 'upstream', 'block'],
  [
    'http_userid',
    HTTP_SERVER_LOCATION,
    ONE,
    `userid userid_domain userid_expires userid_mark userid_name userid_p3p userid_path userid_service`,
  ],
  ['http_userid', HTTP_SERVER_LOCATION, [1, 3], 'userid_flags'],
  ['http_uwsgi', HTTP_SERVER_LOCATION, ONE_OR_TWO, 'uwsgi_bind'],
  [
    'http_uwsgi',
    HTTP_SERVER_LOCATION,
    ONE,
    `uwsgi_buffer_size uwsgi_buffering uwsgi_busy_buffers_size uwsgi_cache uwsgi_cache_background_update
    uwsgi_cache_key uwsgi_cache_lock uwsgi_cache_lock_age uwsgi_cache_lock_timeout
    uwsgi_cache_max_range_offset uwsgi_cache_min_uses uwsgi_cache_revalidate uwsgi_connect_timeout
    uwsgi_force_ranges uwsgi_hide_header uwsgi_ignore_client_abort uwsgi_intercept_errors
    uwsgi_limit_rate uwsgi_max_temp_file_size uwsgi_modifier1 uwsgi_modifier2
    uwsgi_next_upstream_timeout uwsgi_next_upstream_tries uwsgi_pass_header uwsgi_pass_request_body
    uwsgi_pass_request_headers uwsgi_read_timeout uwsgi_request_buffering uwsgi_send_timeout
    uwsgi_socket_keepalive uwsgi_socket_rcvbuf uwsgi_socket_sndbuf uwsgi_ssl_certificate
    uwsgi_ssl_certificate_key uwsgi_ssl_ciphers uwsgi_ssl_crl uwsgi_ssl_name uwsgi_ssl_password_file
    uwsgi_ssl_server_name uwsgi_ssl_session_reuse uwsgi_ssl_trusted_certificate uwsgi_ssl_verify
    uwsgi_ssl_verify_depth uwsgi_store uwsgi_string uwsgi_temp_file_write_size`,
  ],
  ['http_uwsgi', HTTP_SERVER_LOCATION, TWO, 'uwsgi_buffers uwsgi_ssl_conf_command'],
  [
    'http_uwsgi',
    HTTP_SERVER_LOCATION,
    ONE_OR_MORE,
    `uwsgi_cache_bypass uwsgi_cache_methods uwsgi_cache_use_stale uwsgi_cache_valid uwsgi_ignore_headers
    uwsgi_next_upstream uwsgi_no_cache uwsgi_ssl_protocols`,
  ],
  ['http_uwsgi', HTTP, TWO_OR_MORE, 'uwsgi_cache_path'],
  ['http_uwsgi', HTTP_SERVER_LOCATION, [2, 3], 'uwsgi_param'],
  ['http_uwsgi', LOCATION | LOCATION_IF, ONE, 'uwsgi_pass'],
  ['http_uwsgi', HTTP_SERVER_LOCATION, [1, 3], 'uwsgi_ssl_certificate_cache uwsgi_store_access'],
  ['http_uwsgi', HTTP_SERVER_LOCATION, [1, 4], 'uwsgi_temp_path'],
  [
    'http_v2',
    HTTP_SERVER,
    ONE,
    `http2 http2_body_preread_size http2_idle_timeout http2_max_concurrent_pushes
    http2_max_concurrent_streams http2_max_field_size http2_max_header_size http2_max_requests
    http2_pool_size http2_recv_timeout http2_streams_index_size`,
  ],
  ['http_v2', HTTP_SERVER_LOCATION, ONE, 'http2_chunk_size http2_push http2_push_preload'],
  ['http_v2', HTTP, ONE, 'http2_recv_buffer_size'],
  [
    'http_v3',
    HTTP_SERVER,
    ONE,
    `http3 http3_hq http3_max_concurrent_streams http3_stream_buffer_size quic_active_connection_id_limit
    quic_gso quic_host_key quic_retry`,
  ],
  ['http_xslt', HTTP_SERVER_LOCATION, ONE, 'xml_entities xml_external_entities xslt_last_modified'],
  ['http_xslt', HTTP_SERVER_LOCATION, TWO, 'xslt_param xslt_string_param'],
  ['http_xslt', LOCATION, ONE_OR_MORE, 'xslt_stylesheet'],
  ['http_xslt', HTTP_SERVER_LOCATION, ONE_OR_MORE, 'xslt_types'],
];
