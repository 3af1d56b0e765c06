#pragma once

#include <cstdint>

#include "http/downstream.h"
#include "net/stack.h"

namespace sluice {
class Exchange;
}

namespace sluice::h1 {

/// Writes one response to an HTTP/1 connection: head, then the body by its length, in chunks, or
/// until the connection closes.
class ResponseFramer {
 public:
  void start() { *this = ResponseFramer(); }

  /// Decides the framing (RFC 9112 section 6), which may cost the connection its persistence.
  void write_head(Exchange& exchange, bool no_body, net::Stream& stream);
  void write_body(Exchange& exchange, const http::Piece& piece, net::Stream& stream);

  /// The body goes out as it is, as long as was promised.
  bool is_plain() const { return counted_; }
  /// So much of it went out by another way.
  void skip(uint64_t bytes) { left_ -= bytes; }

  /// False when the body has turned out shorter or longer than its Content-Length: the connection
  /// can't be used again.
  bool complete() const { return left_ == 0 || !counted_; }

 private:
  bool chunked_ = false;
  bool counted_ = false;  ///< a Content-Length was promised
  uint64_t left_ = 0;     ///< of it
};

}  // namespace sluice::h1
