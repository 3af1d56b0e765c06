#include "http/h2/client_codec.h"

#include "base/number.h"
#include "http/field_value.h"
#include "http/h2/client_stream.h"
#include "http/join.h"
#include "http/section_names.h"
#include "http/status.h"
#include "http/trailer_rules.h"

namespace sluice::h2 {

using Event = UpstreamCodec::Event;

namespace {

ClientStream& stream_of(net::Stream& stream) { return static_cast<ClientStream&>(stream); }

bool is_valid(std::string_view name, std::string_view value) {
  auto bytes = [](std::string_view text) { return reinterpret_cast<const uint8_t*>(text.data()); };
  return nghttp2_check_header_name(bytes(name), name.size()) &&
         nghttp2_check_header_value(bytes(value), value.size());
}

constexpr std::string_view data_without_head = "upstream sent unexpected http2 frame: 0";  // DATA

/// Not to be kept in any table on the way (RFC 7541 section 7.1.3).
bool is_secret(http::HeaderId id) {
  return id == http::HeaderId::authorization || id == http::HeaderId::cookie;
}

}  // namespace

// --- The request ---

std::span<const nghttp2_nv> ClientCodec::section(const http::HeaderList& fields) {
  std::span<nghttp2_nv> section = arena_.array<nghttp2_nv>(fields.size());
  size_t count = 0;
  for (const http::Header& field : fields) {
    nghttp2_nv& made = section[count++] = borrowed_field(field.name, field.value);
    made.flags = is_secret(field.id) ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
  }
  return section;
}

void ClientCodec::send_head(net::Stream& stream) {
  stream_of(stream).begin(section(request_.fields), *this);
  if (!request_.body.empty()) stream.write(request_.body);
  if (!request_.body_follows) stream.shutdown_write();
}

void ClientCodec::send_body(net::Stream& stream, std::span<const char> bytes) {
  if (request_.body_follows && !bytes.empty()) stream.write(bytes);
}

void ClientCodec::send_file(net::Stream& stream, FileRef file, uint64_t size) {
  if (size > 0) stream.write_file(std::move(file), 0, size);
}

void ClientCodec::end_body(net::Stream& stream, const http::HeaderList& trailers) {
  if (request_.body_follows) stream_of(stream).end(section(trailers));
}

// --- The response ---

Event ClientCodec::next(std::string_view& input, std::string_view& piece) {
  if (unprocessed_) return Event::unprocessed;
  if (refused_) return Event::refused;
  if (state_ == State::head) {
    if (!std::exchange(section_ready_, false)) {
      if (input.empty()) return Event::more;
      refuse(data_without_head);
      return Event::refused;
    }
    if (http::is_interim(head_.status)) return Event::hints;
    begin_body();
    return Event::head;
  }
  if (!input.empty()) {
    if (left_ && input.size() > *left_) {
      refuse("upstream sent response body larger than indicated content length");
      return Event::refused;
    }
    if (left_) *left_ -= input.size();
    piece = std::exchange(input, {});
    return Event::body;
  }
  if (!ended_) return Event::more;
  if (left_.value_or(0) > 0) {
    refuse("upstream prematurely closed stream");
    return Event::refused;
  }
  state_ = State::ended;
  return Event::end;
}

void ClientCodec::begin_body() {
  state_ = State::body;
  head_.keep_alive = false;
  left_ = head_.content_length;
  if (request_.method == http::Method::head || http::is_bodiless(head_.status)) left_ = 0;
  // Where trailers may follow, a length would leave no place for them in HTTP/1.
  bool announced = keep_trailers_ && head_.headers.find(http::HeaderId::trailer);
  head_.chunked = !head_.content_length || announced;
}

void ClientCodec::refuse(std::string_view why, std::string_view name, std::string_view value) {
  if (refused_ || unprocessed_) return;
  refused_ = true;
  refusal_ = name.data() ? http::join(arena_, {why, " \"", name, ": ", value, "\""}) : why;
}

void ClientCodec::begin_section() {
  section_size_ = 0;
  if (headed_) return;
  head_.headers.clear();
  head_.content_length.reset();
  head_.status = 0;
}

void ClientCodec::add_field(std::string_view name, std::string_view value) {
  if (refused_) return;
  section_size_ += name.size() + value.size();
  head_size_ += name.size() + value.size();
  if (section_size_ > head_limit_) {
    refuse("upstream sent too big header");
    return;
  }
  bool trailer = headed_;
  bool pseudo = name.starts_with(':');
  http::HeaderId id = http::header_id(name);
  if (!is_valid(name, value) || http::is_connection_specific(id, value) || (pseudo && trailer)) {
    refuse(trailer ? "upstream sent invalid trailer" : "upstream sent invalid header", name, value);
  } else if (trailer) {
    if (keep_trailers_ && !http::never_trailers.contains(id))
      head_.trailers.add(arena_.copy(name), arena_.copy(value), id);
  } else if (pseudo) {
    name == ":status" ? add_status(value) : refuse("upstream sent invalid header", name, value);
  } else if (head_.status == 0) {
    refuse("upstream sent no :status header");
  } else {
    add_head_field(name, value);
  }
}

void ClientCodec::add_status(std::string_view value) {
  if (head_.status != 0 || !head_.headers.empty()) {
    refuse("upstream sent duplicate :status header");
    return;
  }
  std::optional<uint64_t> status = value.size() == 3 ? parse_decimal(value) : std::nullopt;
  if (!status || *status < 100) {
    refuse(http::join(arena_, {"upstream sent invalid :status \"", value, "\""}));
  } else if (*status == 101) {
    // RFC 9113 section 8.6: there is no such thing.
    refuse(http::join(arena_, {"upstream sent unexpected :status \"", value, "\""}));
  } else {
    head_.status = uint16_t(*status);
  }
}

void ClientCodec::add_head_field(std::string_view name, std::string_view value) {
  http::HeaderId id = http::header_id(name);
  if (id == http::HeaderId::content_length) {
    std::optional<uint64_t> length = http::parse_content_length(value);
    if (!length || head_.content_length) {
      refuse("upstream sent invalid header", name, value);
      return;
    }
    head_.content_length = length;
  }
  head_.headers.add(arena_.copy(name), arena_.copy(value), id);
}

void ClientCodec::end_section(bool ended) {
  ended_ = ended;
  if (headed_) {
    if (!ended) refuse("upstream sent trailer without end stream flag");
    return;
  }
  section_ready_ = true;
  headed_ = !http::is_interim(head_.status);
  if (head_.status == 0) refuse("upstream sent no :status header");
  if (ended && !headed_) refuse("upstream prematurely closed stream");
}

void ClientCodec::end_body() {
  ended_ = true;
  if (!headed_) refuse(data_without_head);
}

void ClientCodec::on_reset(uint32_t error) {
  if (ended_) return;
  std::span<char> number = arena_.text(decimal_size(error));
  format_decimal(number.data(), error);
  std::string_view why =
      http::join(arena_, {"upstream rejected request with error ", {number.data(), number.size()}});
  if (error == NGHTTP2_REFUSED_STREAM && !headed_) {
    on_unprocessed(why);
  } else {
    refuse(why);
  }
}

void ClientCodec::on_failure(std::string_view why) {
  if (!ended_) refuse(why);
}

void ClientCodec::on_unprocessed(std::string_view why) {
  if (refused_ || unprocessed_) return;
  unprocessed_ = true;
  refusal_ = arena_.copy(why);
}

}  // namespace sluice::h2
