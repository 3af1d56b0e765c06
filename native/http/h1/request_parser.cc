#include "http/h1/request_parser.h"

#include "http/h1/field_line.h"
#include "http/h1/request_line.h"
#include "http/request_check.h"

namespace sluice::h1 {

using http::RequestError;

RequestScanner::Result RequestScanner::scan(std::string_view bytes) {
  size_ = scanner_.find_end(bytes);
  bool complete = size_ > 0;
  // A head that fits the first buffer needs no more than parse_request().
  if (complete && size_ <= limits_->first) return Result::complete;
  if (complete) bytes = bytes.substr(0, size_);

  if (!line_checked_) {
    Result result = scan_line(bytes);
    if (result != Result::incomplete) return result;
  }
  if (!fits(bytes, complete)) return Result::refused;
  return complete ? Result::complete : Result::incomplete;
}

RequestScanner::Result RequestScanner::scan_line(std::string_view bytes) {
  while (method_ < bytes.size() && is_method_octet(bytes[method_])) ++method_;
  bool wrong = method_ < bytes.size() && (method_ == 0 || bytes[method_] != ' ');
  if (wrong) return refuse(RequestError::invalid_method);

  size_t feed = bytes.find('\n', no_feed_);
  no_feed_ = bytes.size();
  if (feed == std::string_view::npos) return Result::incomplete;
  std::string_view line = bytes.substr(0, feed + 1);
  if (!fits(line, true)) return Result::refused;

  line_checked_ = true;
  Arena unused;
  http::RequestHead head(unused);
  size_t rest = 0;
  RequestError error = parse_request_line(line, head, rest);
  if (error != RequestError::none) return refuse(error);
  if (head.version != http::Version::http09) return Result::incomplete;
  size_ = rest;
  return Result::complete;
}

bool RequestScanner::fits(std::string_view bytes, bool complete) {
  if (bytes.size() < limits_->first) return true;
  http::Refusal why;
  error_ = buffers_.check(bytes, complete, why);
  text_ = why.text;
  return error_ == RequestError::none;
}

RequestScanner::Result RequestScanner::refuse(RequestError error) {
  error_ = error;
  return Result::refused;
}

namespace {

/// Adds what nginx keeps of the field lines from `position` on.
RequestError parse_fields(std::string_view bytes, const char*& position, const RequestRules& rules,
                          http::HeaderList& headers, http::Refusal& why) {
  const char* end = bytes.data() + bytes.size();
  while (true) {
    position = add_plain_fields(position, end, bytes.data(), headers, rules.max_headers);
    const char* start = position;
    FieldLine line = parse_field_line(position, end, bytes.data());
    if (line.kind == FieldLine::Kind::end) return RequestError::none;
    if (line.kind == FieldLine::Kind::invalid) {
      why.text = line.name;
      why.octet = line.octet;
      return RequestError::invalid_header_line;
    }
    bool odd = line.odd_name || (line.underscore && !rules.underscores_in_headers);
    if (odd && rules.ignore_invalid_headers) [[unlikely]] {
      const char* text_end = line.value.data() + line.value.size();
      if (rules.on_ignored_line) rules.on_ignored_line(rules.context, {start, text_end});
      continue;
    }
    if (headers.size() >= rules.max_headers) return RequestError::too_many_header_lines;
    headers.add(line.name, line.value, line.id);
  }
}

}  // namespace

RequestError parse_request(std::string_view bytes, const RequestRules& rules,
                           http::RequestHead& head, Arena& arena, http::Refusal& why) {
  size_t rest = 0;
  RequestError error = parse_request_line(bytes, head, rest);
  head.size = static_cast<uint32_t>(rest);
  if (error == RequestError::none && head.version != http::Version::http09) {
    const char* position = bytes.data() + rest;
    error = parse_fields(bytes, position, rules, head.headers, why);
    head.size = static_cast<uint32_t>(position - bytes.data());
  }
  if (error != RequestError::none) {
    why.error = error;
    return error;
  }
  return http::check_request(head, rules.allow_connect, arena, why);
}

}  // namespace sluice::h1
