#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "base/arena.h"
#include "http/h2/session.h"
#include "proxy/upstream_codec.h"

namespace sluice::h2 {

/// A request and its response on a stream of HTTP/2 (RFC 9113 section 8): the stream of a
/// ClientSession, which reports here what is not body.
class ClientCodec final : public UpstreamCodec {
 public:
  struct Request {
    const http::HeaderList& fields;  ///< pseudo-header fields first; names in lower case
    http::Method method = http::Method::get;
    std::string_view body;      ///< one that is not the client's (proxy_set_body)
    bool body_follows = false;  ///< end_body() will tell its end
  };
  /// `head_limit`: the most bytes of the response's names and values (proxy_buffer_size);
  /// `keep_trailers`: proxy_pass_trailers.
  ClientCodec(Arena& arena, const Request& request, size_t head_limit, bool keep_trailers)
      : arena_(arena),
        request_(request),
        head_(arena),
        head_limit_(head_limit),
        keep_trailers_(keep_trailers) {}

  // UpstreamCodec
  void send_head(net::Stream& stream) override;
  void send_body(net::Stream& stream, std::span<const char> bytes) override;
  void send_file(net::Stream& stream, FileRef file, uint64_t size) override;
  void end_body(net::Stream& stream, const http::HeaderList& trailers) override;
  Event next(std::string_view& input, std::string_view& piece) override;
  Event input_ended() override { return Event::more; }
  const http::ResponseHead& head() const override { return head_; }
  std::string_view refusal() override { return refusal_; }
  bool keeps_alive() const override { return false; }  // that is the session's affair
  uint64_t take_head_size() override { return std::exchange(head_size_, 0); }

  // --- From the stream ---
  /// A field section begins, has one more field, is complete; `ended`: nothing comes behind it.
  void begin_section();
  void add_field(std::string_view name, std::string_view value);
  void end_section(bool ended);
  void end_body();
  /// How the response ends is known.
  bool decided() const { return ended_ || refused_ || unprocessed_; }
  /// The peer has reset the stream, or did not get as far as this request (RFC 9113 section 6.8).
  void on_reset(uint32_t error);
  /// The connection is no good any more.
  void on_failure(std::string_view why);
  /// The peer has never looked at the request.
  void on_unprocessed(std::string_view why);

 private:
  /// What next() has told.
  enum class State : uint8_t { head, body, ended };
  std::span<const nghttp2_nv> section(const http::HeaderList& fields);
  void refuse(std::string_view why, std::string_view name = {}, std::string_view value = {});
  void add_status(std::string_view value);
  void add_head_field(std::string_view name, std::string_view value);
  void begin_body();

  Arena& arena_;
  Request request_;
  http::ResponseHead head_;
  std::string_view refusal_;
  std::optional<uint64_t> left_;  ///< of the body's length, if the head has said it
  size_t head_limit_;
  size_t section_size_ = 0;
  uint64_t head_size_ = 0;  ///< not asked for yet
  bool keep_trailers_;
  bool section_ready_ = false;  ///< complete, and not told yet
  bool headed_ = false;         ///< the head has come, interim ones aside: trailers may follow
  bool ended_ = false;          ///< END_STREAM has come
  bool refused_ = false;
  bool unprocessed_ = false;
  State state_ = State::head;
};

}  // namespace sluice::h2
