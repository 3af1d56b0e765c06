#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <string_view>

// What the Node executable's nghttp2 has, and Debian's older header doesn't. All are of its public
// API, with these very signatures.
extern "C" {
void nghttp2_option_set_stream_reset_rate_limit(nghttp2_option*, uint64_t burst, uint64_t rate);
void nghttp2_option_set_glitch_rate_limit(nghttp2_option*, uint64_t burst, uint64_t rate);
void nghttp2_option_set_max_continuations(nghttp2_option*, size_t number);
}

/// What an HTTP/2 server and an HTTP/2 client share: nghttp2's session, which does framing, HPACK,
/// flow control and the states of streams (https://nghttp2.org/documentation/).
namespace sluice::h2 {

struct Deleter {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  void operator()(nghttp2_option* option) const { nghttp2_option_del(option); }
  void operator()(nghttp2_session_callbacks* callbacks) const {
    nghttp2_session_callbacks_del(callbacks);
  }
};
using SessionPtr = std::unique_ptr<nghttp2_session, Deleter>;
using OptionPtr = std::unique_ptr<nghttp2_option, Deleter>;
using CallbacksPtr = std::unique_ptr<nghttp2_session_callbacks, Deleter>;

inline std::string_view view(nghttp2_rcbuf* buffer) {
  nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

/// A field for nghttp2 that stays where it is until the frame is made; the name is in lower case.
inline nghttp2_nv borrowed_field(std::string_view name, std::string_view value) {
  auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(),
          NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE};
}

constexpr size_t frame_head_size = 9;
constexpr int32_t max_window = 0x7fffffff;

/// RFC 9113 section 3.4.
constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

}  // namespace sluice::h2
