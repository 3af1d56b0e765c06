#include "proxy/proxied_connection.h"

#include "net/proxy_protocol.h"
#include "proxy/codec_choice.h"
#include "proxy/handshaking_connection.h"

namespace sluice {

void ProxiedConnection::accept(DataThread& thread, const ListenAddress& listen,
                               net::StreamPtr stream, const http::ConnectionFacts& facts) {
  begin(std::make_unique<ProxiedConnection>(thread, listen, std::move(stream), facts));
}

void ProxiedConnection::on_received() {
  net::ProxyHeader header;
  size_t size = 0;
  switch (net::parse_proxy_header(received_, header, size)) {
    case net::ProxyHeaderResult::incomplete:
      return;
    case net::ProxyHeaderResult::invalid: {
      std::string_view line(received_);
      line = line.substr(0, line.find_first_of("\r\n"));
      thread_.error_log().write(LogLevel::error, {.connection = facts_.number},
                                "broken header: \"%.*s\" while reading PROXY protocol",
                                int(line.size()), line.data());
      close();
      return;
    }
    case net::ProxyHeaderResult::complete:
      break;
  }
  if (header.source && header.destination) {
    facts_.proxy_protocol = std::make_shared<const net::ProxyHeader>(header);
  }
  std::string rest = received_.substr(size);
  net::StreamPtr stream = give_up();
  if (!stream) return;
  if (listen_.tls) {
    HandshakingConnection::accept(thread_, listen_, std::move(stream), facts_, rest);
  } else {
    serve(thread_, listen_, std::move(stream), facts_, rest);
  }
}

}  // namespace sluice
