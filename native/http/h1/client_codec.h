#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/arena.h"
#include "http/h1/chunked.h"
#include "http/h1/response_parser.h"
#include "proxy/upstream_codec.h"

namespace sluice::h1 {

/// HTTP/1 towards an upstream.
class ClientCodec final : public UpstreamCodec {
 public:
  struct Request {
    std::string_view head;  ///< with its empty line, and a body that belongs to it (proxy_set_body)
    http::Method method = http::Method::get;
    bool chunked = false;  ///< how the body is framed
    bool upgrade = false;  ///< it asks for another protocol
  };
  /// `head_limit`: the longest response head (proxy_buffer_size); `keep_trailers`:
  /// proxy_pass_trailers.
  ClientCodec(Arena& arena, const Request& request, size_t head_limit, bool keep_trailers)
      : arena_(arena),
        request_(request),
        scanner_(head_limit),
        head_(arena),
        head_limit_(head_limit),
        keep_trailers_(keep_trailers) {}

  void send_head(net::Stream& stream) override;
  void send_body(net::Stream& stream, std::span<const char> bytes) override;
  void send_file(net::Stream& stream, FileRef file, uint64_t size) override;
  void end_body(net::Stream& stream, const http::HeaderList& trailers) override;

  Event next(std::string_view& input, std::string_view& piece) override;
  bool ended() const override { return state_ == State::ended; }
  Event input_ended() override;
  const http::ResponseHead& head() const override { return head_; }
  std::string_view refusal() override;
  bool keeps_alive() const override { return head_.keep_alive && ended(); }
  uint64_t plain_remaining() const override { return state_ == State::length ? remaining_ : 0; }
  void skipped(uint64_t bytes) override;

 private:
  enum class State : uint8_t { head, length, chunked, until_close, ended };
  Event take_head(std::string_view& input);
  bool parse_in_place(std::string_view& input);
  Event parse_head(std::string_view bytes);
  Event begin_response();
  Event refuse();
  void begin_body();
  void begin_chunk(net::Stream& stream, uint64_t size);

  Arena& arena_;
  Request request_;
  ResponseScanner scanner_;
  http::ResponseHead head_;
  ResponseRefusal why_;
  std::span<char> partial_;  ///< where a head that comes in pieces is put together
  size_t partial_size_ = 0;
  size_t head_limit_;
  bool keep_trailers_;
  bool chunked_broken_ = false;
  State state_ = State::head;
  uint64_t remaining_ = 0;
  ChunkedDecoder chunked_;
};

}  // namespace sluice::h1
