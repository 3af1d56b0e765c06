#include "http/h1/request_line.h"

#include <cstring>

#include "http/h1/octets.h"

namespace sluice::h1 {
namespace {

using http::Method;
using http::RequestError;
using http::Version;

constexpr std::string_view root = "/";

bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_scheme_octet(char c) {
  return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
}
bool is_host_octet(char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '-'; }
bool is_literal_octet(char c) {
  return is_letter(c) || is_digit(c) ||
         (c != '\0' && std::strchr(":-._~!$&'()*+,;=", c) != nullptr);
}

/// A request line (RFC 9112 section 3) of which [at, end) is left. Every step stops in front of
/// what it does not know.
class LineParser {
 public:
  LineParser(std::string_view bytes, http::RequestHead& head)
      : start_(bytes.data()), at_(start_), end_(start_ + bytes.size()), head_(head) {}

  RequestError parse() {
    if (!method()) return RequestError::invalid_method;
    skip_spaces();
    const char* target = at_;
    if (!(head_.method == Method::connect ? authority_form() : target_form())) {
      return RequestError::invalid_request;
    }
    head_.target = {target, at_};
    return version();
  }

  /// Where the line's content, and where the line, ends.
  const char* content_end() const { return content_end_; }
  const char* rest() const { return at_; }

 private:
  bool method() {
    while (at_ != end_ && is_method_octet(*at_)) ++at_;
    if (at_ == start_ || !sees(' ')) return false;
    head_.method_name = {start_, at_};
    head_.method = http::parse_method(head_.method_name);
    return true;
  }

  /// RFC 9112 section 3.2.1 and 3.2.2. `*` is refused, as nginx does.
  bool target_form() {
    if (sees('/')) {
      origin_form(at_);
      return true;
    }
    return at_ != end_ && is_letter(*at_) && absolute_form();
  }

  void origin_form(const char* uri) {
    const char* path = at_;
    at_ = octets::find<octets::PathStop>(at_, end_, start_);
    head_.path = {path, at_};
    if (sees('?')) {
      const char* query = ++at_;
      at_ = find_query_end(at_);
      head_.query = {query, at_};
      head_.has_query = true;
    }
    if (sees('#')) at_ = octets::find<octets::TargetStop>(at_, end_, start_);
    head_.uri = {uri, at_};
  }

  const char* find_query_end(const char* from) const {
    const char* stop = octets::find<octets::PathStop>(from, end_, start_);
    while (stop != end_ && *stop == '?')
      stop = octets::find<octets::PathStop>(stop + 1, end_, start_);
    return stop;
  }

  bool absolute_form() {
    const char* scheme = at_;
    while (at_ != end_ && is_scheme_octet(*at_)) ++at_;
    head_.scheme = {scheme, at_};
    for (char c : {':', '/', '/'}) {
      if (!sees(c)) return false;
      ++at_;
    }
    if (!authority()) return false;
    if (sees('/')) {
      origin_form(at_);
    } else if (sees('?')) {
      origin_form(at_);
      head_.path = root;
    } else {
      head_.path = head_.uri = root;
      return sees(' ');
    }
    return true;
  }

  /// RFC 9112 section 3.2.3: host and port, both needed.
  bool authority_form() {
    if (!authority() || !has_port_ || !sees(' ')) return false;
    head_.path = head_.uri = root;
    return true;
  }

  bool authority() {
    const char* start = at_;
    if (sees('[')) {
      ++at_;
      while (at_ != end_ && is_literal_octet(*at_)) ++at_;
      if (!sees(']')) return false;
      ++at_;
    } else {
      while (at_ != end_ && is_host_octet(*at_)) ++at_;
    }
    if (sees(':')) {
      const char* port = ++at_;
      while (at_ != end_ && is_digit(*at_)) ++at_;
      has_port_ = at_ != port;
    }
    head_.authority = {start, at_};
    return true;
  }

  RequestError version() {
    bool spaced = skip_spaces();
    constexpr std::string_view usual = "HTTP/1.1\r\n";
    if (spaced && rest_starts_with(usual)) [[likely]] {
      content_end_ = at_ + usual.size() - 2;
      at_ += usual.size();
      return RequestError::none;
    }
    if (at_line_end()) {
      // Without a version it is HTTP/0.9, which knows GET alone.
      head_.version = Version::http09;
      content_end_ = at_;
      if (!line_end()) return RequestError::invalid_request;
      return head_.method == Method::get ? RequestError::none : RequestError::invalid_http09_method;
    }
    if (!spaced) return RequestError::invalid_request;
    if (!name_and_slash()) return RequestError::invalid_request;
    RequestError error = numbers();
    if (error != RequestError::none) return error;
    skip_spaces();
    content_end_ = at_;
    return line_end() ? RequestError::none : RequestError::invalid_request;
  }

  bool name_and_slash() {
    constexpr std::string_view name = "HTTP/";
    if (!rest_starts_with(name)) return false;
    at_ += name.size();
    return true;
  }

  /// Any 1.x above 1.0 speaks 1.1 (RFC 9110 section 2.5).
  RequestError numbers() {
    if (at_ == end_ || *at_ < '1' || *at_ > '9') return RequestError::invalid_request;
    if (*at_++ != '1') return RequestError::invalid_version;
    if (at_ != end_ && is_digit(*at_)) return RequestError::invalid_version;
    if (!sees('.')) return RequestError::invalid_request;
    const char* minor = ++at_;
    bool zero = true;
    while (at_ != end_ && is_digit(*at_)) zero &= *at_++ == '0';
    if (at_ == minor || at_ - minor > 3) return RequestError::invalid_request;
    head_.version = zero ? Version::http10 : Version::http11;
    return RequestError::none;
  }

  bool rest_starts_with(std::string_view text) const {
    return std::string_view(at_, end_).starts_with(text);
  }
  bool at_line_end() const { return sees('\r') || sees('\n'); }
  bool line_end() {
    if (sees('\r')) ++at_;
    if (!sees('\n')) return false;
    ++at_;
    return true;
  }
  bool skip_spaces() {
    const char* from = at_;
    while (sees(' ')) ++at_;
    return at_ != from;
  }
  bool sees(char c) const { return at_ != end_ && *at_ == c; }

  const char* start_;
  const char* at_;
  const char* end_;
  const char* content_end_ = nullptr;
  http::RequestHead& head_;
  bool has_port_ = false;
};

/// What the access log shows of a line that could not be parsed.
std::string_view raw_line(std::string_view bytes) {
  std::string_view line = bytes.substr(0, bytes.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

bool is_method_octet(char c) { return (c >= 'A' && c <= 'Z') || c == '_' || c == '-'; }

RequestError parse_request_line(std::string_view bytes, http::RequestHead& head, size_t& rest) {
  LineParser parser(bytes, head);
  RequestError error = parser.parse();
  rest = static_cast<size_t>(parser.rest() - bytes.data());
  head.line = error == RequestError::none ? std::string_view(bytes.data(), parser.content_end())
                                          : raw_line(bytes);
  return error;
}

}  // namespace sluice::h1
