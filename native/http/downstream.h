#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/message.h"
#include "net/proxy_protocol.h"
#include "net/stack.h"

namespace sluice {
class Exchange;
struct ListenAddress;
struct Server;
}  // namespace sluice

namespace sluice::tls {
class Agreement;
}

namespace sluice::http {

class WebTransportCarrier;

/// A piece of a message's body: bytes, or part of a file. Bytes follow Stream::write()'s rule of
/// life.
struct Piece {
  std::span<const char> bytes = {};
  FileRef file = {};
  uint64_t offset = 0;
  uint64_t length = 0;  ///< of the file part
  bool last = false;    ///< the body ends with this piece
  bool flush = false;   ///< pass on at once what filters hold back

  uint64_t size() const { return file ? length : bytes.size(); }
};

/// What is known of a connection that TLS secures.
struct TlsFacts {
  std::shared_ptr<const tls::Agreement> agreement;
  const Server* server = nullptr;  ///< whose certificate was shown
  std::string server_name;         ///< that the client asked for, lower case; empty: none, or unfit
};

/// What is known of the client's connection, whatever protocol it speaks.
struct ConnectionFacts {
  uint64_t number = 0;     ///< nginx's *N in logs, $connection
  uint64_t requests = 0;   ///< $connection_requests
  bool pipelined = false;  ///< the current request came along with the one before ($pipe)
  int64_t started_ms = 0;  ///< monotonic; $connection_time
  const net::Address* remote = nullptr;
  std::string_view remote_text;           ///< without port: $remote_addr, `client:` in logs
  net::Stream* stream = nullptr;          ///< null: QUIC carries it
  const net::Address* local = nullptr;    ///< null: the stream knows
  const ListenAddress* listen = nullptr;  ///< the `listen` that the connection came by
  std::shared_ptr<const TlsFacts> tls;    ///< null: plain
  /// What the PROXY protocol header said; null: none, or it named no addresses.
  std::shared_ptr<const net::ProxyHeader> proxy_protocol;

  const net::Address& local_address() const { return local ? *local : stream->local_address(); }
};

/// The client's side of one exchange: an HTTP/1 connection's current request, an HTTP/2 or HTTP/3
/// stream.
class Downstream {
 public:
  /// 100, 103.
  virtual void send_informational(uint16_t status, const HeaderList& headers) = 0;
  /// `exchange.response` is complete; the codec adds what its protocol needs (Connection, framing).
  /// `no_body`: HEAD, 204, 304 …
  virtual void send_head(Exchange& exchange, bool no_body) = 0;
  /// Frames and queues a piece.
  virtual void send_body(const Piece& piece) = 0;
  /// Sends what is queued; the caller may then free it.
  virtual void flush() = 0;
  virtual size_t unsent() const = 0;
  bool blocked() const { return unsent() > net::Stream::high_mark; }

  /// Where the rest of the body may be put past send_body(): the socket of a connection that adds
  /// nothing to it and has nothing queued; -1: nowhere. Who does so says sent_directly(), and
  /// await_room() to have Exchange::on_writable() called once a full socket has room again.
  virtual int direct_descriptor() { return -1; }
  virtual void sent_directly(uint64_t) {}
  virtual void await_room() {}

  /// Lets the request body come (RequestBody::on_data) or stops it; nothing comes within the call.
  /// It is stopped at first.
  virtual void read_body(bool on) = 0;
  /// Nobody wants the body: what has come of it is dropped now, the rest later. False: it is
  /// malformed.
  virtual bool discard_body() = 0;

  /// A 101 or CONNECT was answered: from here on raw bytes go both ways
  /// (Exchange::Source::on_tunnel_data, send_body).
  virtual void upgrade() = 0;

  /// The exchange is over and will be gone when this returns; with `keep` the connection may carry
  /// the next one.
  virtual void finished(Exchange& exchange, bool keep) = 0;

  virtual ConnectionFacts& connection() = 0;

  /// What carries the WebTransport session that the request asks for; null: it asks for none, or
  /// its connection can't. The codec's, until the exchange ends.
  virtual WebTransportCarrier* webtransport() { return nullptr; }

 protected:
  ~Downstream() = default;
};

}  // namespace sluice::http
