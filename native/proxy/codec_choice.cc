#include "proxy/codec_choice.h"

#include "http/h1/server_connection.h"
#include "http/h2/server_connection.h"
#include "modules/http_v2.h"
#include "proxy/undecided_connection.h"
#include "tls/agreement.h"

namespace sluice {

namespace {

// https://www.iana.org/assignments/tls-extensiontype-values: what HTTP goes by.
constexpr unsigned char all_protocols[] = "\x02h2\x08http/1.1\x08http/1.0\x08http/0.9";
constexpr size_t all_size = sizeof all_protocols - 1;
constexpr size_t http2_size = 3;

bool speaks_http2(const ListenAddress& listen, const Server& server) {
  return listen.http2 || server.block->conf<V2Conf>().enabled;
}

}  // namespace

std::span<const unsigned char> spoken_protocols(const ListenAddress& listen, const Server& server) {
  std::span<const unsigned char> all(all_protocols, all_size);
  return speaks_http2(listen, server) ? all : all.subspan(http2_size);
}

void serve(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
           const http::ConnectionFacts& facts, std::string_view first) {
  if (facts.tls && facts.tls->agreement->protocol_above == "h2") {
    h2::ServerConnection::accept(thread, listen, std::move(stream), facts, first);
  } else if (!listen.tls && speaks_http2(listen, listen.servers.fallback())) {
    UndecidedConnection::accept(thread, listen, std::move(stream), facts, first);
  } else {
    h1::ServerConnection::accept(thread, listen, std::move(stream), facts, first);
  }
}

}  // namespace sluice
