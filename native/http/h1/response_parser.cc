#include "http/h1/response_parser.h"

#include "http/field_value.h"
#include "http/h1/field_line.h"
#include "http/h1/status_line.h"
#include "http/join.h"
#include "http/status.h"

namespace sluice::h1 {

using http::Header;
using http::HeaderId;

ResponseScanner::Result ResponseScanner::scan(std::string_view bytes) {
  size_ = scanner_.find_end(bytes);
  if (size_ > 0 && size_ <= limit_) return Result::complete;
  if (!may_begin_status_line(bytes)) {
    error_ = ResponseError::no_status_line;
  } else if (!line_checked_) {
    size_t feed = bytes.find('\n', no_feed_);
    no_feed_ = bytes.size();
    if (feed != std::string_view::npos) {
      line_checked_ = true;
      StatusLine line;
      if (!parse_status_line(bytes.substr(0, feed + 1), line)) {
        error_ = ResponseError::no_status_line;
      }
    }
  }
  if (error_ == ResponseError::none && bytes.size() >= limit_) error_ = ResponseError::too_big;
  return error_ == ResponseError::none ? Result::incomplete : Result::refused;
}

namespace {

/// IIS may repeat its status line among the fields; nginx skips such lines.
bool is_stray_status_line(const char*& position, const char* end) {
  std::string_view rest(position, end);
  if (!rest.starts_with("HTTP/")) return false;
  size_t feed = rest.find('\n');
  if (feed == std::string_view::npos) return false;
  position += feed + 1;
  return true;
}

ResponseError parse_fields(std::string_view bytes, const char*& position, http::HeaderList& headers,
                           ResponseRefusal& why) {
  const char* end = bytes.data() + bytes.size();
  while (true) {
    position = add_plain_fields(position, end, bytes.data(), headers, SIZE_MAX);
    if (is_stray_status_line(position, end)) continue;
    FieldLine line = parse_field_line(position, end, bytes.data());
    if (line.kind == FieldLine::Kind::end) return ResponseError::none;
    if (line.kind == FieldLine::Kind::invalid) {
      why.text = line.name;
      why.octet = line.octet;
      return ResponseError::invalid_header;
    }
    headers.add(line.name, line.value, line.id);
  }
}

constexpr http::HeaderIds framing_fields = {HeaderId::content_length, HeaderId::transfer_encoding,
                                            HeaderId::connection};

struct Framing {
  const Header* length = nullptr;
  const Header* encoding = nullptr;
  http::Persistence persistence = http::Persistence::unsaid;
};

ResponseError note_once(const Header*& noted, const Header*& other, const Header& field,
                        ResponseRefusal& why) {
  if (noted) {
    why.field = field;
    why.previous = *noted;
    return ResponseError::duplicate_header;
  }
  noted = &field;
  return other ? ResponseError::length_and_encoding : ResponseError::none;
}

ResponseError note(const Header& field, Framing& framing, http::ResponseHead& head,
                   ResponseRefusal& why) {
  ResponseError error = ResponseError::none;
  switch (field.id) {
    case HeaderId::content_length:
      error = note_once(framing.length, framing.encoding, field, why);
      if (error != ResponseError::none) return error;
      head.content_length = http::parse_content_length(field.value);
      if (head.content_length) return ResponseError::none;
      why.field = field;
      return ResponseError::invalid_content_length;
    case HeaderId::transfer_encoding:
      error = note_once(framing.encoding, framing.length, field, why);
      if (error != ResponseError::none) return error;
      head.chunked = http::iequals(field.value, "chunked");
      if (head.chunked) return ResponseError::none;
      why.text = field.value;
      return ResponseError::unknown_encoding;
    case HeaderId::connection:
      framing.persistence = http::connection_option(field.value, framing.persistence);
      return ResponseError::none;
    default:
      return ResponseError::none;
  }
}

ResponseError parse(std::string_view bytes, http::ResponseHead& head, ResponseRefusal& why) {
  StatusLine line;
  if (!parse_status_line(bytes, line)) return ResponseError::no_status_line;
  head.status = line.status;
  head.reason = line.reason;
  if (line.version < http::Version::http11 && line.status == 103) {
    return ResponseError::early_hints_in_http10;
  }

  const char* position = bytes.data() + line.size;
  ResponseError error = parse_fields(bytes, position, head.headers, why);
  head.size = static_cast<uint32_t>(position - bytes.data());
  if (error != ResponseError::none || http::is_interim(head.status)) return error;

  Framing framing;
  for (const Header& field : head.headers) {
    if (!framing_fields.contains(field.id)) continue;
    error = note(field, framing, head, why);
    if (error != ResponseError::none) return error;
  }
  // As nginx: an HTTP/1.0 upstream's connection is not reused, whatever its Connection field says.
  head.keep_alive =
      line.version >= http::Version::http11 && framing.persistence != http::Persistence::close;
  return ResponseError::none;
}

}  // namespace

ResponseError parse_response(std::string_view bytes, http::ResponseHead& head,
                             ResponseRefusal& why) {
  why.error = parse(bytes, head, why);
  return why.error;
}

std::string_view ResponseRefusal::message(Arena& arena) const {
  switch (error) {
    case ResponseError::none:
      return {};
    case ResponseError::no_status_line:
      return "upstream sent no valid HTTP/1.0 header";
    case ResponseError::too_big:
      return "upstream sent too big header";
    case ResponseError::invalid_header:
      return http::join(arena, {"upstream sent invalid header: \"", text, "\\x",
                                http::HexOctet(octet).view(), "...\""});
    case ResponseError::duplicate_header:
      return http::join(arena,
                        {"upstream sent duplicate header line: \"", field.name, ": ", field.value,
                         "\", previous value: \"", previous.name, ": ", previous.value, "\""});
    case ResponseError::length_and_encoding:
      return "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time";
    case ResponseError::invalid_content_length:
      return http::join(arena, {"upstream sent invalid \"Content-Length\" header: \"", field.name,
                                ": ", field.value, "\""});
    case ResponseError::unknown_encoding:
      return http::join(arena, {"upstream sent unknown \"Transfer-Encoding\": \"", text, "\""});
    case ResponseError::early_hints_in_http10:
      return "upstream sent HTTP/1.0 response with early hints";
  }
  return {};
}

BodyFraming response_framing(const http::ResponseHead& head, http::Method request_method) {
  if (request_method == http::Method::head || http::is_bodiless(head.status)) {
    return BodyFraming::none;
  }
  if (request_method == http::Method::connect && head.status / 100 == 2) return BodyFraming::none;
  if (head.chunked) return BodyFraming::chunked;
  return head.content_length ? BodyFraming::length : BodyFraming::until_close;
}

}  // namespace sluice::h1
