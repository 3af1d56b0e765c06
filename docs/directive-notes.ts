/** What the directive reference says beyond the tables. */

/** Defaults that no single value of a table holds. */
export const DEFAULTS: ReadonlyMap<string, string> = new Map([
  ['access_log', 'logs/access.log combined'],
  ['client_body_temp_path', 'client_body_temp'],
  ['disable_symlinks', 'off'],
  ['error_log', 'logs/error.log error'],
  ['expires', 'off'],
  ['index', 'index.html'],
  ['keepalive', '32 local'],
  ['keepalive_timeout', '75s'],
  ['log_format', 'combined "…"'],
  ['open_file_cache', 'off'],
  ['open_log_file_cache', 'off'],
  ['pid', 'logs/nginx.pid'],
  ['proxy_bind', 'off'],
  ['proxy_limit_rate', '0'],
  ['proxy_redirect', 'default'],
  ['proxy_ssl_certificate_cache', 'off'],
  ['proxy_ssl_name', '$proxy_host'],
  ['proxy_temp_path', 'proxy_temp'],
  ['root', 'html'],
  ['server_name', '""'],
  ['worker_priority', '0'],
]);

/** Where Sluice deliberately differs from nginx. */
export const DIFFERENCES: ReadonlyMap<string, string> = new Map([
  ['http3_advertise', "Sluice's own: adds `Alt-Svc` to answers over TLS and QUIC"],
  [
    'http3_max_blocked_streams',
    "of early nginx: requests of a connection that may wait for the client's QPACK table",
  ],
  ['http3_max_table_capacity', "of early nginx: bytes of a client's QPACK table, 64k at most"],
  ['listen', 'with `quic` every worker has a socket of its own, as with `reuseport`'],
  [
    'master_process',
    '`off`: one worker, which keeps the user who starts it; a master stands above it all the same',
  ],
  ['ssl_certificate_watch', 'Sluice’s own: certificates whose files change are in use without a reload'],
  ['ssl_ech_file', 'ignored with a warning: OpenSSL 3.5 has no Encrypted Client Hello'],
  ['proxy_buffering', 'while a client keeps up nothing is held back; the buffers fill when it does not'],
  [
    'proxy_buffers',
    'bounds the memory of one response; taken only while the client is slower than the upstream',
  ],
  [
    'proxy_busy_buffers_size',
    'checked only: what the client does not take stays in the buffers, all of them',
  ],
  ['proxy_temp_file_write_size', 'checked only: a temporary file takes what a read has brought'],
  [
    'quic_bpf',
    'without it eBPF is used where it is allowed; packets find the worker that has their connection either way',
  ],
  ['quic_cid_key', "Sluice's own: see the [operator's guide](operators-guide.md#http3)"],
  ['quic_congestion_control', "Sluice's own"],
  ['quic_gso', 'on by default; a device that can not do it is noticed, and gets its datagrams one by one'],
  ['quic_host_id', "Sluice's own: see the [operator's guide](operators-guide.md#http3)"],
  ['quic_peers', "Sluice's own: see the [operator's guide](operators-guide.md#several-hosts)"],
  ['ssl_certificate_key', "`store:…` and `engine:…`: see the [operator's guide](operators-guide.md#tls)"],
  [
    'ssl_session_store',
    "Sluice's own: see the [operator's guide](operators-guide.md#sessions-of-several-hosts)",
  ],
  [
    'ssl_session_ticket_keys',
    "Sluice's own: see the [operator's guide](operators-guide.md#sessions-of-several-hosts)",
  ],
  ['sluice_status', "Sluice's own: see the [operator's guide](operators-guide.md#status)"],
  ...[
    'webtransport_accept_timeout',
    'webtransport_buffer_size',
    'webtransport_datagram_queue',
    'webtransport_handler',
    'webtransport_max_sessions',
    'webtransport_max_streams',
  ].map((name): [string, string] => [
    name,
    "Sluice's own: see the [operator's guide](operators-guide.md#webtransport)",
  ]),
  [
    'sendfile',
    'also while it is off: small files come from memory, once `stat()` says that they are still the same',
  ],
]);
