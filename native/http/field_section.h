#pragma once

#include <cstdint>
#include <string_view>

#include "http/message.h"
#include "http/request_error.h"

namespace sluice {
struct ConnectionConf;
}

namespace sluice::http {

/// What a server block says about field sections.
struct FieldRules {
  bool ignore_invalid_headers = true;
  bool underscores_in_headers = false;
  uint32_t max_headers = 1000;
  /// Names and values together (large_client_header_buffers: number times size).
  uint32_t max_size = 32 * 1024;
  bool extended_connect = false;  ///< RFC 8441, RFC 9220

  /// A server's, for HTTP/2 and HTTP/3.
  static FieldRules of(const ConnectionConf& conf);
};

/// A request's head as HTTP/2 and HTTP/3 carry it: pseudo-header fields, then fields with names in
/// lower case (RFC 9113 section 8.3, RFC 9114 section 4.3). Makes of it what the other versions
/// make of theirs.
class RequestFields {
 public:
  /// Views of the head point into `arena`, which outlives it.
  RequestFields(RequestHead& head, Arena& arena, const FieldRules& rules)
      : head_(head), arena_(arena), rules_(rules) {}

  enum class Added : uint8_t {
    taken,
    ignored,  ///< an invalid name that ignore_invalid_headers drops; worth a line in the log
    refused,  ///< see refusal(); nothing more is to be added
  };
  /// The next field, which may be gone when this returns.
  Added add(std::string_view name, std::string_view value);

  /// All fields are there: checks them as a whole and fills the rest of the head. `ended`: no body
  /// follows. False: see refusal().
  bool finish(bool ended);

  const Refusal& refusal() const { return why_; }
  /// The head as far as it is known, for the log of a request that is refused.
  void describe();
  /// `:protocol` of an extended CONNECT; else empty.
  std::string_view protocol() const { return protocol_; }
  /// Bytes of names and values so far.
  uint32_t size() const { return size_; }

 private:
  Added add_pseudo_header(std::string_view name, std::string_view value);
  Added add_cookie(std::string_view value);
  Added refuse(RequestError error, std::string_view name = {}, std::string_view value = {});
  bool missing(std::string_view name);
  bool take_authority();
  void take_target();

  RequestHead& head_;
  Arena& arena_;
  FieldRules rules_;
  Refusal why_;
  std::string_view protocol_;
  uint32_t size_ = 0;
  uint32_t cookie_ = 0;  ///< 1 + the position of the cookie field
  bool fields_begun_ = false;
};

/// Adds a field to a request's trailers, unless its name may not stand there (trailer_rules.h) or
/// is one that ignore_invalid_headers drops. False: the request is malformed (RFC 9113
/// section 8.1), or has more of them than max_headers. Who calls limits their size.
bool add_trailer(RequestHead& head, Arena& arena, const FieldRules& rules, std::string_view name,
                 std::string_view value);

}  // namespace sluice::http
