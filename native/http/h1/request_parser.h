#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/h1/head_limits.h"
#include "http/h1/head_scanner.h"
#include "http/message.h"
#include "http/request_error.h"

namespace sluice::h1 {

/// What a server block says about heads.
struct RequestRules {
  bool ignore_invalid_headers = true;
  bool underscores_in_headers = false;
  bool allow_connect = false;
  uint32_t max_headers = 1000;
  /// Told of each line that ignore_invalid_headers drops, for the log: `client sent invalid header
  /// line: "…"`.
  void (*on_ignored_line)(void* context, std::string_view line) = nullptr;
  void* context = nullptr;
};

/// Tells when a request head is complete while its bytes arrive, and refuses early what can't
/// become one: a wrong method, request line or size is known before the empty line is. Skip empty
/// lines first (leading_blank()).
class RequestScanner {
 public:
  enum class Result : uint8_t { incomplete, complete, refused };

  /// The limits outlive the scanner.
  explicit RequestScanner(const HeadLimits& limits) : limits_(&limits), buffers_(limits) {}

  /// `bytes`: all of the head so far, from its first byte (where they lie may change between
  /// calls).
  Result scan(std::string_view bytes);

  /// The request line has come, and is one.
  bool has_line() const { return line_checked_; }
  /// After `complete`: bytes of the head; what follows is the body, or the next request.
  size_t size() const { return size_; }
  /// Its text lies in the bytes of the last scan().
  http::Refusal refusal() const { return {.error = error_, .text = text_}; }

 private:
  Result scan_line(std::string_view bytes);
  bool fits(std::string_view bytes, bool complete);
  Result refuse(http::RequestError error);

  HeadScanner scanner_;
  const HeadLimits* limits_;
  HeaderBuffers buffers_;
  size_t method_ = 0;   ///< bytes that belong to the method
  size_t no_feed_ = 0;  ///< bytes without a line feed
  bool line_checked_ = false;
  size_t size_ = 0;
  http::RequestError error_ = http::RequestError::none;
  std::string_view text_;
};

/// Parses a complete head (RequestScanner::size() bytes). The result's views point into `bytes`,
/// which therefore live as long as the head; only a host in upper case is copied to the arena. On
/// an error `why` says more; what was parsed till then (the request line at least, for the access
/// log) is in `head`.
http::RequestError parse_request(std::string_view bytes, const RequestRules& rules,
                                 http::RequestHead& head, Arena& arena, http::Refusal& why);

}  // namespace sluice::h1
