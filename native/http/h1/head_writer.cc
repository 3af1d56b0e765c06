#include "http/h1/head_writer.h"

#include "base/clock.h"
#include "base/number.h"
#include "http/status.h"

namespace sluice::h1 {

using http::Header;
using http::HeaderId;

namespace {

constexpr std::string_view version = "HTTP/1.1 ";
constexpr size_t max_status_digits = 5;

std::string_view reason_of(const http::ResponseHead& head) {
  return head.reason.empty() ? http::reason_phrase(head.status) : head.reason;
}

bool is_written(const Header& field, const ResponseExtras& extras) {
  return field.id != HeaderId::location || extras.location.empty();
}

void status_line(HeadWriter& writer, uint16_t status, std::string_view reason) {
  writer.text(version);
  writer.number(status);
  writer.text(" ", reason, "\r\n");
}

size_t fields_size(const http::HeaderList& headers) {
  size_t size = 0;
  for (const Header& field : headers) size += field_size(field.name, field.value);
  return size;
}

void content_fields(HeadWriter& writer, const http::ResponseHead& head) {
  if (!head.content_type.empty()) {
    writer.text("Content-Type: ", head.content_type);
    if (!head.charset.empty()) writer.text("; charset=", head.charset);
    writer.end_line();
  }
  if (head.content_length) {
    writer.text("Content-Length: ");
    writer.number(*head.content_length);
    writer.end_line();
  }
  if (head.last_modified && !head.headers.find(HeaderId::last_modified)) {
    char date[http_date_size];
    format_http_date(*head.last_modified, date);
    writer.field("Last-Modified", {date, sizeof date});
  }
}

void connection_fields(HeadWriter& writer, const http::ResponseHead& head,
                       const ResponseExtras& extras) {
  if (head.chunked) writer.text("Transfer-Encoding: chunked\r\n");
  if (extras.upgrade) {
    writer.text("Connection: upgrade\r\n");
  } else if (!head.keep_alive) {
    writer.text("Connection: close\r\n");
  } else {
    writer.text("Connection: keep-alive\r\n");
    if (extras.keep_alive_timeout > 0) {
      writer.text("Keep-Alive: timeout=");
      writer.number(extras.keep_alive_timeout);
      writer.end_line();
    }
  }
}

}  // namespace

void HeadWriter::number(uint64_t value) {
  auto room = static_cast<size_t>(end_ - position_);
  assert(room >= max_decimal_size || room >= decimal_size(value));
  position_ = format_decimal(position_, value);
}

size_t response_head_size(const http::ResponseHead& head, const ResponseExtras& extras) {
  // What every head may have, at its longest.
  constexpr std::string_view frame =
      "HTTP/1.1  \r\nServer: \r\nDate: \r\nContent-Type: ; charset=\r\nContent-Length: \r\n"
      "Last-Modified: \r\nLocation: \r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n"
      "Keep-Alive: timeout=\r\nVary: Accept-Encoding\r\n\r\n";
  return frame.size() + max_status_digits + 2 * max_decimal_size + http_date_size +
         reason_of(head).size() + extras.server.size() + extras.date.size() +
         head.content_type.size() + head.charset.size() + extras.location.size() +
         fields_size(head.headers);
}

size_t write_response_head(const http::ResponseHead& head, const ResponseExtras& extras,
                           std::span<char> out) {
  HeadWriter writer(out);
  status_line(writer, head.status, reason_of(head));
  if (!extras.server.empty()) writer.field("Server", extras.server);
  if (!extras.date.empty()) writer.field("Date", extras.date);
  content_fields(writer, head);
  if (!extras.location.empty()) writer.field("Location", extras.location);
  connection_fields(writer, head, extras);
  if (extras.vary_accept_encoding) writer.text("Vary: Accept-Encoding\r\n");
  for (const Header& field : head.headers) {
    if (is_written(field, extras)) writer.field(field.name, field.value);
  }
  writer.end_line();
  return writer.size();
}

size_t interim_head_size(uint16_t status, const http::HeaderList& headers) {
  constexpr std::string_view frame = "HTTP/1.1  \r\n\r\n";
  return frame.size() + max_status_digits + http::reason_phrase(status).size() +
         fields_size(headers);
}

size_t write_interim_head(uint16_t status, const http::HeaderList& headers, std::span<char> out) {
  HeadWriter writer(out);
  status_line(writer, status, http::reason_phrase(status));
  for (const Header& field : headers) writer.field(field.name, field.value);
  writer.end_line();
  return writer.size();
}

size_t request_line_size(std::string_view method, std::string_view target) {
  constexpr std::string_view frame = "  HTTP/1.1\r\n";
  return frame.size() + method.size() + target.size();
}

void write_request_line(HeadWriter& writer, std::string_view method, std::string_view target,
                        http::Version version) {
  writer.text(method, " ", target,
              version == http::Version::http10 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
}

}  // namespace sluice::h1
