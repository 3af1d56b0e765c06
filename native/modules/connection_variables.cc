#include "modules/connection_variables.h"

#include <netinet/tcp.h>
#include <unistd.h>

#include <climits>
#include <string>

#include "base/clock.h"
#include "base/string_map.h"
#include "modules/variable_text.h"
#include "net/address.h"
#include "net/proxy_protocol.h"
#include "net/proxy_tlv.h"

namespace sluice::variables {

namespace {

http::ConnectionFacts& facts(Exchange& exchange) { return exchange.downstream.connection(); }

Value address_value(Exchange& exchange, const net::Address& address) {
  std::span<char> text = exchange.arena.text(net::Address::max_text);
  char* end = address.format(text.data(), false);
  return Value::of(exchange.arena.trim(text, size_t(end - text.data())));
}

const net::Address* proxied(Exchange& exchange, ProxiedEnd end) {
  const auto& header = facts(exchange).proxy_protocol;
  if (!header) return nullptr;
  const auto& address = end == ProxiedEnd::client ? header->source : header->destination;
  return address ? &*address : nullptr;
}

}  // namespace

Value connection_number(Exchange& exchange, std::uintptr_t) {
  return decimal_value(exchange, facts(exchange).number);
}

Value connection_requests(Exchange& exchange, std::uintptr_t) {
  return decimal_value(exchange, facts(exchange).requests);
}

Value connection_time(Exchange& exchange, std::uintptr_t) {
  return seconds_value(exchange,
                       int64_t(Clock::of_thread().monotonic_ms()) - facts(exchange).started_ms);
}

Value pipe(Exchange& exchange, std::uintptr_t) {
  return Value::of(facts(exchange).pipelined ? "p" : ".");
}

Value scheme(Exchange& exchange, std::uintptr_t) {
  return Value::of(facts(exchange).tls ? "https" : "http");
}

Value https(Exchange& exchange, std::uintptr_t) {
  return Value::of(facts(exchange).tls ? "on" : "");
}

Value remote_address(Exchange& exchange, std::uintptr_t) {
  return Value::of(facts(exchange).remote_text);
}

Value binary_remote_address(Exchange& exchange, std::uintptr_t) {
  std::span<const uint8_t> bytes = facts(exchange).remote->ip_bytes();
  if (bytes.empty()) return remote_address(exchange, 0);
  return Value::of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Value remote_port(Exchange& exchange, std::uintptr_t) {
  return port_value(exchange, facts(exchange).remote->port());
}

Value server_address(Exchange& exchange, std::uintptr_t) {
  return address_value(exchange, facts(exchange).local_address());
}

Value server_port(Exchange& exchange, std::uintptr_t) {
  return port_value(exchange, facts(exchange).local_address().port());
}

Value server_name(Exchange& exchange, std::uintptr_t) { return Value::of(exchange.server->name); }

Value proxy_protocol_address(Exchange& exchange, std::uintptr_t end) {
  const net::Address* address = proxied(exchange, ProxiedEnd(end));
  return address ? address_value(exchange, *address) : Value::none();
}

Value proxy_protocol_port(Exchange& exchange, std::uintptr_t end) {
  const net::Address* address = proxied(exchange, ProxiedEnd(end));
  return address ? port_value(exchange, address->port()) : Value::none();
}

Value proxy_protocol_tlv(Exchange& exchange, std::uintptr_t data) {
  using Outcome = net::ProxyTlv::Outcome;
  const auto& header = facts(exchange).proxy_protocol;
  if (!header) return Value::none();
  std::string_view name = *reinterpret_cast<const std::string_view*>(data);
  net::ProxyTlv tlv = net::find_proxy_tlv(header->tlvs, name);
  auto complain = [&](const char* what) {
    exchange.log(LogLevel::error, "%s PROXY protocol TLV \"%.*s\"", what, int(name.size()),
                 name.data());
    return Value::none();
  };
  switch (tlv.outcome) {
    case Outcome::found:
      return tlv.number ? decimal_value(exchange, *tlv.number) : Value::of(tlv.value);
    case Outcome::absent:
      return Value::none();
    case Outcome::unknown_name:
      return complain("unknown");
    case Outcome::invalid_type:
      return complain("invalid");
    case Outcome::broken:
      exchange.log(LogLevel::error, "broken PROXY protocol TLV");
      return Value::none();
  }
  return Value::none();
}

Value tcp_info(Exchange& exchange, std::uintptr_t member) {
  const net::Stream* stream = facts(exchange).stream;
  int descriptor = stream ? stream->kernel_descriptor() : -1;
  struct tcp_info info = {};
  socklen_t size = sizeof info;
  if (descriptor < 0 || getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
    return Value::none();
  }
  switch (TcpInfo(member)) {
    case TcpInfo::rtt:
      return decimal_value(exchange, info.tcpi_rtt);
    case TcpInfo::rtt_variance:
      return decimal_value(exchange, info.tcpi_rttvar);
    case TcpInfo::send_window:
      return decimal_value(exchange, info.tcpi_snd_cwnd);
    case TcpInfo::receive_space:
      return decimal_value(exchange, info.tcpi_rcv_space);
  }
  return Value::none();
}

Value nginx_version(Exchange& exchange, std::uintptr_t) {
  std::string_view version = exchange.runtime.version;
  return Value::of(version.substr(version.find('/') + 1));
}

Value hostname(Exchange&, std::uintptr_t) {
  // nginx asks once and shows it in lower case.
  static const std::string name = [] {
    char text[HOST_NAME_MAX + 1] = {};
    gethostname(text, HOST_NAME_MAX);
    std::string lower(text);
    for (char& c : lower) c = char(CaselessText::lower(c));
    return lower;
  }();
  return Value::of(name);
}

Value pid(Exchange& exchange, std::uintptr_t) {
  return decimal_value(exchange, uint64_t(getpid()));
}

Value milliseconds(Exchange& exchange, std::uintptr_t) {
  const Clock& clock = Clock::of_thread();
  return seconds_value(exchange, clock.seconds() * 1000 + clock.milliseconds());
}

Value time_iso8601(Exchange& exchange, std::uintptr_t) {
  return copied_value(exchange, Clock::of_thread().iso8601_time());
}

Value time_local(Exchange& exchange, std::uintptr_t) {
  return copied_value(exchange, Clock::of_thread().access_log_time());
}

}  // namespace sluice::variables
