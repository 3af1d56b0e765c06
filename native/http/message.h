#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "base/arena.h"

/// The message model that all HTTP versions share (RFC 9110). Names, values and lists live in the
/// exchange's arena.
namespace sluice::http {

enum class Method : uint8_t {
  get,
  head,
  post,
  put,
  del,
  connect,
  options,
  trace,
  patch,
  copy,
  move,
  mkcol,
  lock,
  unlock,
  propfind,
  proppatch,
  unknown,
};
Method parse_method(std::string_view name);

enum class Version : uint8_t { http09, http10, http11, http2, http3 };
/// `HTTP/1.1`, `HTTP/2.0` … as $server_protocol shows it.
std::string_view version_name(Version version);

/// Fields that the proxy itself looks at; everything else is `other`. A switch on the length finds
/// them (header_id.cc).
enum class HeaderId : uint8_t {
  other,
  accept,
  accept_encoding,
  accept_language,
  accept_ranges,
  age,
  allow,
  authorization,
  cache_control,
  connection,
  content_disposition,
  content_encoding,
  content_length,
  content_range,
  content_type,
  cookie,
  date,
  etag,
  expect,
  expires,
  forwarded,
  host,
  if_match,
  if_modified_since,
  if_none_match,
  if_range,
  if_unmodified_since,
  keep_alive,
  last_modified,
  link,
  location,
  origin,
  priority,
  proxy_authenticate,
  proxy_authorization,
  proxy_connection,
  range,
  referer,
  refresh,
  server,
  set_cookie,
  status,
  te,
  trailer,
  transfer_encoding,
  upgrade,
  user_agent,
  vary,
  via,
  www_authenticate,
  x_accel_buffering,
  x_accel_charset,
  x_accel_expires,
  x_accel_limit_rate,
  x_accel_redirect,
  x_forwarded_for,
};
HeaderId header_id(std::string_view name);

/// A set of them.
class HeaderIds {
 public:
  constexpr HeaderIds(std::initializer_list<HeaderId> ids = {}) {
    for (HeaderId id : ids) add(id);
  }
  constexpr void add(HeaderId id) { bits_ |= bit(id); }
  constexpr void remove(HeaderId id) { bits_ &= ~bit(id); }
  constexpr bool contains(HeaderId id) const { return bits_ & bit(id); }
  /// They have one in common.
  constexpr bool meets(HeaderIds other) const { return bits_ & other.bits_; }

 private:
  static constexpr uint64_t bit(HeaderId id) { return uint64_t{1} << unsigned(id); }
  static_assert(unsigned(HeaderId::x_forwarded_for) < 64);

  uint64_t bits_ = 0;
};

struct Header {
  std::string_view name;   ///< as it came; compare with iequals()
  std::string_view value;  ///< without surrounding white space
  HeaderId id = HeaderId::other;
};

/// Fields in the order they came. Grows in the arena.
class HeaderList {
 public:
  explicit HeaderList(Arena& arena) : arena_(&arena) {}

  Header& add(std::string_view name, std::string_view value) {
    return add(name, value, header_id(name));
  }
  Header& add(std::string_view name, std::string_view value, HeaderId id) {
    if (size_ == capacity_) [[unlikely]]
      grow();
    // Member by member: a Header built elsewhere and copied in larger words stalls the processor.
    Header& item = items_[size_++];
    item.name = name;
    item.value = value;
    item.id = id;
    if (ids_.contains(id)) repeated_.add(id);
    ids_.add(id);
    return item;
  }
  /// Whatever is not among the first of these is not there, and whatever is not among the second is
  /// there once at most; fields that were removed by name may still be among both.
  HeaderIds ids() const { return ids_; }
  HeaderIds repeated() const { return repeated_; }
  /// The first field with that id (never `other`), or null.
  const Header* find(HeaderId id) const { return ids_.contains(id) ? search(id) : nullptr; }
  const Header* find(std::string_view name) const;
  /// Replaces the first, drops the rest, or adds.
  void set(HeaderId id, std::string_view name, std::string_view value);
  void remove(HeaderId id);
  void remove(std::string_view name);
  void clear() {
    size_ = 0;
    ids_ = repeated_ = {};
  }

  Header* begin() { return items_; }
  Header* end() { return items_ + size_; }
  const Header* begin() const { return items_; }
  const Header* end() const { return items_ + size_; }
  uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

 private:
  void grow();
  const Header* search(HeaderId id) const;

  Arena* arena_;
  Header* items_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = 0;
  HeaderIds ids_;
  HeaderIds repeated_;
};

bool iequals(std::string_view a, std::string_view b);

struct RequestHead {
  explicit RequestHead(Arena& arena) : headers(arena), trailers(arena) {}

  Method method = Method::unknown;
  Version version = Version::http11;
  std::string_view method_name;
  std::string_view line;    ///< the request line as it came ($request)
  std::string_view target;  ///< as it came: origin-form, absolute-form, `*`
  std::string_view scheme;  ///< of an absolute-form target, or :scheme; else empty
  std::string_view
      authority;         ///< host[:port] of an absolute-form target, or :authority; else empty
  std::string_view uri;  ///< the target without scheme and authority, as it came ($request_uri)
  std::string_view
      path;  ///< path part of the target, undecoded; `/` where an absolute-form has none
  std::string_view query;  ///< after the first `?`, without it, up to a `#`
  bool has_query = false;
  std::string_view host;  ///< of authority or Host: lower case, without port and final dot ($host);
                          ///< empty when not said
  uint16_t host_port = 0;  ///< 0: not said
  HeaderList headers;
  HeaderList trailers;  ///< none before the body has ended
  std::optional<uint64_t> content_length;
  bool chunked = false;  ///< a body of unknown length follows (chunked, or a stream without length)
  bool keep_alive = true;  ///< what version and Connection ask for
  uint32_t size = 0;       ///< bytes of the head on the wire ($request_length counts from here)
};

struct ResponseHead {
  explicit ResponseHead(Arena& arena) : headers(arena), trailers(arena) {}

  uint16_t status = 0;
  std::string_view reason;  ///< empty: the standard one of the status
  HeaderList
      headers;  ///< without Content-Length, Content-Type, Last-Modified, Location's base: see below
  HeaderList trailers;
  std::optional<uint64_t> content_length;
  std::string_view content_type;  ///< without `; charset=`
  std::string_view charset;
  std::optional<int64_t>
      last_modified;  ///< seconds since 1970; sent as Last-Modified unless `headers` has one
  uint32_t size = 0;  ///< bytes of the head on the wire, when it came by HTTP/1
  bool keep_alive = true;
  bool chunked = false;
  bool without_server = false;   ///< no Server of our own
  bool without_date = false;     ///< no Date of our own
  bool expect_trailers = false;  ///< `trailers` will be filled before the body ends: a known length
                                 ///< is not announced in HTTP/1

  /// The bytes that fields and reason point into have been copied from `from` to `to`.
  void moved(const char* from, const char* to);

  /// last_modified, or what the field in `headers` says: read only when somebody asks.
  std::optional<int64_t> modified() const;

  /// Back to nothing, as before a handler described its answer.
  void clear() {
    headers.clear();
    trailers.clear();
    status = 0;
    reason = content_type = charset = {};
    content_length.reset();
    last_modified.reset();
    chunked = without_server = without_date = expect_trailers = false;
  }
};

}  // namespace sluice::http
