#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h1/head_scanner.h"
#include "http/message.h"

namespace sluice::h1 {

/// Why an upstream's response head is refused.
enum class ResponseError : uint8_t {
  none,
  no_status_line,  ///< maybe an HTTP/0.9 response, which nginx passes on as it is
  too_big,
  invalid_header,
  duplicate_header,  ///< Content-Length or Transfer-Encoding
  length_and_encoding,
  invalid_content_length,
  unknown_encoding,
  early_hints_in_http10,
};

struct ResponseRefusal {
  ResponseError error = ResponseError::none;
  std::string_view text;
  unsigned char octet = 0;
  http::Header field{};
  http::Header previous{};

  /// nginx's words for the error log (level error), in the arena where they quote the response.
  std::string_view message(Arena& arena) const;
};

/// Tells when a response head is complete. What can't become a status line is known at its first
/// wrong byte.
class ResponseScanner {
 public:
  enum class Result : uint8_t { incomplete, complete, refused };

  /// `limit`: the most bytes a head may have (proxy_buffer_size).
  explicit ResponseScanner(size_t limit) : limit_(limit) {}

  /// `bytes`: all of the head so far, from its first byte.
  Result scan(std::string_view bytes);
  size_t size() const { return size_; }
  ResponseError error() const { return error_; }

 private:
  HeadScanner scanner_;
  size_t limit_;
  size_t size_ = 0;
  size_t no_feed_ = 0;  ///< bytes of the status line known to be without a line feed
  bool line_checked_ = false;
  ResponseError error_ = ResponseError::none;
};

/// Parses the head that `bytes` begin with, into which the result's views point. `head.headers`
/// gets every field as it came; status, reason, content_length, chunked, keep_alive and size are
/// derived. content_type, charset and last_modified stay as they are. A head that isn't complete is
/// refused, too: what is wrong with it is for ResponseScanner to say.
ResponseError parse_response(std::string_view bytes, http::ResponseHead& head,
                             ResponseRefusal& why);

/// How long the body of a response is (RFC 9112 section 6.3).
enum class BodyFraming : uint8_t { none, length, chunked, until_close };
BodyFraming response_framing(const http::ResponseHead& head, http::Method request_method);

}  // namespace sluice::h1
