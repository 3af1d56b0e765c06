#pragma once

#include <cstdint>

#include "proxy/variable.h"

/// Variables about the connection, the machine and the time.
namespace sluice::variables {

Value connection_number(Exchange& exchange, std::uintptr_t);
Value connection_requests(Exchange& exchange, std::uintptr_t);
Value connection_time(Exchange& exchange, std::uintptr_t);
Value pipe(Exchange& exchange, std::uintptr_t);
Value scheme(Exchange& exchange, std::uintptr_t);
Value https(Exchange& exchange, std::uintptr_t);

Value remote_address(Exchange& exchange, std::uintptr_t);
/// Four or sixteen bytes; the text of a unix socket's address.
Value binary_remote_address(Exchange& exchange, std::uintptr_t);
Value remote_port(Exchange& exchange, std::uintptr_t);
Value server_address(Exchange& exchange, std::uintptr_t);
Value server_port(Exchange& exchange, std::uintptr_t);
Value server_name(Exchange& exchange, std::uintptr_t);

/// Whose address a PROXY protocol header gave.
enum class ProxiedEnd : std::uintptr_t { client, server };
Value proxy_protocol_address(Exchange& exchange, std::uintptr_t end);
Value proxy_protocol_port(Exchange& exchange, std::uintptr_t end);
/// What version 2 of the header adds, by nginx's name (`const std::string_view*`).
Value proxy_protocol_tlv(Exchange& exchange, std::uintptr_t name);

/// Members of the kernel's struct tcp_info.
enum class TcpInfo : std::uintptr_t { rtt, rtt_variance, send_window, receive_space };
Value tcp_info(Exchange& exchange, std::uintptr_t member);

Value nginx_version(Exchange& exchange, std::uintptr_t);
Value hostname(Exchange& exchange, std::uintptr_t);
Value pid(Exchange& exchange, std::uintptr_t);
Value milliseconds(Exchange& exchange, std::uintptr_t);
Value time_iso8601(Exchange& exchange, std::uintptr_t);
Value time_local(Exchange& exchange, std::uintptr_t);

}  // namespace sluice::variables
