#include "modules/http_core_variables.h"

#include "http/message.h"
#include "modules/connection_variables.h"
#include "modules/header_variables.h"
#include "modules/request_variables.h"
#include "modules/response_variables.h"

namespace sluice {

namespace {

using http::HeaderId;
using variables::ProxiedEnd;

constexpr VariableDefinition received(std::string_view name, HeaderId id) {
  return {.name = name, .get = variables::known_header, .data = std::uintptr_t(id)};
}

constexpr VariableDefinition sent(std::string_view name, HeaderId id) {
  return {.name = name, .get = variables::known_sent_header, .data = std::uintptr_t(id)};
}

constexpr VariableDefinition kept(std::string_view name, VariableGetter get) {
  return {.name = name, .get = get};
}

constexpr VariableDefinition passing(std::string_view name, VariableGetter get) {
  return {.name = name, .get = get, .cacheable = false};
}

constexpr VariableDefinition settable(std::string_view name, VariableGetter get,
                                      VariableSetter set) {
  return {.name = name, .get = get, .cacheable = false, .set = set};
}

constexpr VariableDefinition prefix(std::string_view name, VariableGetter get,
                                    bool cacheable = true) {
  return {.name = name, .get = get, .prefix = true, .cacheable = cacheable};
}

constexpr VariableDefinition proxied(std::string_view name, VariableGetter get, ProxiedEnd end) {
  return {.name = name, .get = get, .data = std::uintptr_t(end)};
}

constexpr VariableDefinition tcp_info(std::string_view name, variables::TcpInfo member) {
  return {
      .name = name, .get = variables::tcp_info, .data = std::uintptr_t(member), .cacheable = false};
}

constexpr VariableDefinition table[] = {
    received("http_host", HeaderId::host),
    received("http_user_agent", HeaderId::user_agent),
    received("http_referer", HeaderId::referer),
    received("http_via", HeaderId::via),
    received("http_x_forwarded_for", HeaderId::x_forwarded_for),
    received("http_cookie", HeaderId::cookie),
    received("content_type", HeaderId::content_type),
    prefix("http_", variables::header),
    prefix("cookie_", variables::cookie),

    kept("request", variables::request_line),
    passing("request_method", variables::request_method),
    kept("request_uri", variables::request_uri),
    kept("server_protocol", variables::server_protocol),
    kept("host", variables::host),
    kept("request_port", variables::request_port),
    kept("is_request_port", variables::is_request_port),
    kept("remote_user", variables::remote_user),
    passing("uri", variables::uri),
    passing("document_uri", variables::uri),
    settable("args", variables::args, variables::set_args),
    passing("query_string", variables::args),
    passing("is_args", variables::is_args),
    prefix("arg_", variables::argument, false),
    // While a chunked body is still being read, its length may become known.
    passing("content_length", variables::content_length),
    kept("request_body", variables::request_body),
    kept("request_body_file", variables::request_body_file),
    passing("document_root", variables::root),
    passing("realpath_root", variables::real_root),
    passing("request_filename", variables::request_filename),
    kept("request_id", variables::request_id),
    passing("request_length", variables::request_length),
    passing("request_time", variables::request_time),

    passing("status", variables::status),
    kept("bytes_sent", variables::bytes_sent),
    kept("body_bytes_sent", variables::body_bytes_sent),
    kept("request_completion", variables::request_completion),
    settable("limit_rate", variables::limit_rate, variables::set_limit_rate),
    kept("sent_http_content_type", variables::sent_content_type),
    kept("sent_http_content_length", variables::sent_content_length),
    sent("sent_http_location", HeaderId::location),
    {.name = "sent_http_last_modified",
     .get = variables::sent_last_modified,
     .data = std::uintptr_t(HeaderId::last_modified)},
    kept("sent_http_connection", variables::sent_connection),
    kept("sent_http_keep_alive", variables::sent_keep_alive),
    kept("sent_http_transfer_encoding", variables::sent_transfer_encoding),
    sent("sent_http_cache_control", HeaderId::cache_control),
    sent("sent_http_link", HeaderId::link),
    prefix("sent_http_", variables::sent_header),
    prefix("sent_trailer_", variables::sent_trailer),

    kept("connection", variables::connection_number),
    kept("connection_requests", variables::connection_requests),
    passing("connection_time", variables::connection_time),
    kept("pipe", variables::pipe),
    kept("scheme", variables::scheme),
    kept("https", variables::https),
    kept("remote_addr", variables::remote_address),
    kept("binary_remote_addr", variables::binary_remote_address),
    kept("remote_port", variables::remote_port),
    kept("server_addr", variables::server_address),
    kept("server_port", variables::server_port),
    kept("server_name", variables::server_name),
    proxied("proxy_protocol_addr", variables::proxy_protocol_address, ProxiedEnd::client),
    proxied("proxy_protocol_port", variables::proxy_protocol_port, ProxiedEnd::client),
    proxied("proxy_protocol_server_addr", variables::proxy_protocol_address, ProxiedEnd::server),
    proxied("proxy_protocol_server_port", variables::proxy_protocol_port, ProxiedEnd::server),
    prefix("proxy_protocol_tlv_", variables::proxy_protocol_tlv),
    tcp_info("tcpinfo_rtt", variables::TcpInfo::rtt),
    tcp_info("tcpinfo_rttvar", variables::TcpInfo::rtt_variance),
    tcp_info("tcpinfo_snd_cwnd", variables::TcpInfo::send_window),
    tcp_info("tcpinfo_rcv_space", variables::TcpInfo::receive_space),

    kept("nginx_version", variables::nginx_version),
    kept("hostname", variables::hostname),
    kept("pid", variables::pid),
    passing("msec", variables::milliseconds),
    passing("time_iso8601", variables::time_iso8601),
    passing("time_local", variables::time_local),
};

}  // namespace

constinit const std::span<const VariableDefinition> http_core_variables = table;

}  // namespace sluice
