#pragma once

#include <cstdint>
#include <string_view>

#include "base/file.h"
#include "http/message.h"
#include "net/stack.h"

namespace sluice {

/// One request and its response in the protocol that an upstream speaks: the mirror image of
/// http::Downstream. HTTP/1 is one (http/h1/client_codec.h). Lives in the exchange's arena, one for
/// each try.
class UpstreamCodec {
 public:
  // --- The request ---
  /// Queues the head.
  virtual void send_head(net::Stream& stream) = 0;
  /// Queues a piece of the body; the bytes follow Stream::write()'s rule.
  virtual void send_body(net::Stream& stream, std::span<const char> bytes) = 0;
  /// Queues a whole body that lies in a file.
  virtual void send_file(net::Stream& stream, FileRef file, uint64_t size) = 0;
  /// The body ends, with these trailers where the framing leaves a place for them.
  virtual void end_body(net::Stream& stream, const http::HeaderList& trailers) = 0;

  // --- The response ---
  enum class Event : uint8_t {
    more,   ///< the input is used up
    hints,  ///< head() is an interim one (103); the real one follows
    head,   ///< head() is complete
    body,   ///< `piece` is some of the body
    end,    ///< the response is complete; what is left of the input was not asked for
    /// The peer has not looked at the request, whatever it was: it can be sent again. refusal()
    /// says why.
    unprocessed,
    refused,  ///< not a response of this protocol: refusal() says why
    raw,      ///< no head at all, but nginx lets it pass: head() is a made-up 200, the input is the
              ///< body (HTTP/0.9)
  };
  /// Takes the next event off the front of `input`.
  virtual Event next(std::string_view& input, std::string_view& piece) = 0;
  /// The response is complete, which next() would say next. Not every codec knows ahead.
  virtual bool ended() const { return false; }
  /// The peer has finished sending. `end` if the response may end so, else `more`: something is
  /// missing.
  virtual Event input_ended() = 0;
  virtual const http::ResponseHead& head() const = 0;
  /// For the error log, after `refused` and `raw`.
  virtual std::string_view refusal() = 0;
  /// The response says that the connection can be used again once it is complete.
  virtual bool keeps_alive() const = 0;

  /// Bytes of heads that have come past next(), since it was last asked.
  virtual uint64_t take_head_size() { return 0; }

  /// Bytes that are nothing but body, still to come: who moves some of them past next() tells by
  /// skipped(). 0: don't.
  virtual uint64_t plain_remaining() const { return 0; }
  virtual void skipped(uint64_t) {}

 protected:
  ~UpstreamCodec() = default;
};

}  // namespace sluice
