import { constants, prefixes, type VariableDeclaration, volatiles } from './module.ts';

/** https://nginx.org/en/docs/http/ngx_http_core_module.html#variables */
export const HTTP_CORE_VARIABLES: readonly VariableDeclaration[] = [
  ...constants(
    'binary_remote_addr', 'body_bytes_sent', 'bytes_sent', 'connection', 'connection_requests', 'content_length',
    'content_type', 'host', 'hostname', 'https', 'is_request_port', 'nginx_version', 'pid', 'pipe',
    'proxy_protocol_addr', 'proxy_protocol_port', 'proxy_protocol_server_addr', 'proxy_protocol_server_port',
    'remote_addr', 'remote_port', 'remote_user', 'request', 'request_body', 'request_body_file',
    'request_completion', 'request_id', 'request_port', 'request_uri', 'scheme', 'server_addr', 'server_name',
    'server_port', 'server_protocol',
  ),
  ...constants(
    'http_host', 'http_user_agent', 'http_referer', 'http_via', 'http_x_forwarded_for', 'http_cookie',
    'sent_http_content_type', 'sent_http_content_length', 'sent_http_location', 'sent_http_last_modified',
    'sent_http_connection', 'sent_http_keep_alive', 'sent_http_transfer_encoding', 'sent_http_cache_control',
    'sent_http_link',
  ),
  ...volatiles(
    'connection_time', 'document_root', 'document_uri', 'is_args', 'msec', 'query_string', 'realpath_root',
    'request_filename', 'request_length', 'request_method', 'request_time', 'status', 'tcpinfo_rcv_space',
    'tcpinfo_rtt', 'tcpinfo_rttvar', 'tcpinfo_snd_cwnd', 'time_iso8601', 'time_local', 'uri',
  ),
  { name: 'args', changeable: true, volatile: true },
  { name: 'limit_rate', changeable: true, volatile: true },
  ...prefixes('http_', 'sent_http_', 'sent_trailer_', 'cookie_', 'proxy_protocol_tlv_'),
  { name: 'arg_', prefix: true, volatile: true },
];
