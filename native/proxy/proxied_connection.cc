#include "proxy/proxied_connection.h"

#include "net/proxy_protocol.h"
#include "proxy/codec_choice.h"
#include "proxy/handshaking_connection.h"

namespace sluice {

void ProxiedConnection::accept(DataThread& thread, const ListenAddress& listen,
                               net::StreamPtr stream, const http::ConnectionFacts& facts) {
  auto owned = std::make_unique<ProxiedConnection>(thread, listen, std::move(stream), facts);
  ProxiedConnection& connection = *owned;
  thread.add_connection(std::move(owned));
  thread.set_idle(connection, true);
}

ProxiedConnection::ProxiedConnection(DataThread& thread, const ListenAddress& listen,
                                     net::StreamPtr stream, const http::ConnectionFacts& facts)
    : thread_(thread), listen_(listen), stream_(std::move(stream)), facts_(facts) {
  stream_->set_consumer(*this);
  timer_.bind<&ProxiedConnection::on_timeout>(this);
  timer_.set(listen.servers.fallback().connection.client_header_timeout);
}

void ProxiedConnection::on_data(std::span<const char> data) {
  received_.append(data.data(), data.size());
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
  net::StreamPtr stream = std::move(stream_);
  timer_.cancel();
  thread_.remove_connection(*this);
  if (!thread_.take_connection_slot()) return;
  if (listen_.tls) {
    HandshakingConnection::accept(thread_, listen_, std::move(stream), facts_, rest);
  } else {
    serve(thread_, listen_, std::move(stream), facts_, rest);
  }
}

void ProxiedConnection::on_timeout() {
  thread_.error_log().write_errno(LogLevel::info, {.connection = facts_.number}, ETIMEDOUT,
                                  "client timed out");
  close();
}

void ProxiedConnection::close() {
  stream_.reset();
  timer_.cancel();
  thread_.remove_connection(*this);
}

}  // namespace sluice
