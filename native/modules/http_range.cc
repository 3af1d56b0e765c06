#include "modules/http_range.h"

#include "base/clock.h"
#include "modules/byte_ranges.h"
#include "modules/http_core.h"
#include "modules/multipart_ranges.h"
#include "proxy/exchange.h"

namespace sluice {

namespace {

using http::Header;
using http::HeaderId;
using http::Piece;

/// Lets the bytes of one range through.
class SingleRange : public BodyFilter {
 public:
  explicit SingleRange(ByteRange range) : range_(range) {}

  Verdict write(Exchange& exchange, const Piece& piece) override {
    uint64_t start = offset_;
    uint64_t end = start + piece.size();
    offset_ = end;
    // What comes behind the range is nobody's any more, the body's end included: it was sent with
    // the range's.
    if (range_.end <= start) return Verdict::ok();
    if (piece.size() == 0) return next(exchange, piece);
    if (range_.start >= end) return Verdict::ok();
    uint64_t skip = range_.start > start ? range_.start - start : 0;
    Piece part = piece_part(piece, skip, std::min(end, range_.end) - start - skip);
    part.last = range_.end <= end;
    part.flush = piece.flush;
    return next(exchange, part);
  }

 private:
  ByteRange range_;
  uint64_t offset_ = 0;
};

/// RFC 9110, 13.1.5: whether the ranges are of the entity that the client knows.
bool if_range_holds(Exchange& exchange) {
  const Header* if_range = exchange.request.headers.find(HeaderId::if_range);
  if (!if_range) return true;
  std::string_view condition = if_range->value;
  if (condition.size() >= 2 && condition.back() == '"') {
    const Header* etag = exchange.response.headers.find(HeaderId::etag);
    return etag && etag->value == condition;
  }
  std::optional<int64_t> modified = exchange.response.modified();
  return modified && parse_http_date(condition) == modified;
}

bool asks_for_ranges(Exchange& exchange, const Header* range) {
  return range && range->value.size() >= 7 && http::iequals(range->value.substr(0, 6), "bytes=") &&
         if_range_holds(exchange);
}

void announce_length(Exchange& exchange, uint64_t length) {
  exchange.response.headers.remove(HeaderId::content_length);
  exchange.response.content_length = length;
}

void answer_one(Exchange& exchange, ByteRange range) {
  http::ResponseHead& response = exchange.response;
  response.headers.remove(HeaderId::content_range);
  response.headers.add("Content-Range",
                       range_text(exchange.arena, "bytes ", range, *response.content_length, ""),
                       HeaderId::content_range);
  announce_length(exchange, range.end - range.start);
  exchange.add_body_filter(*exchange.arena.make<SingleRange>(range));
}

void answer_several(Exchange& exchange, std::span<const ByteRange> ranges) {
  MultipartRanges* parts = exchange.arena.make<MultipartRanges>(exchange, ranges);
  exchange.response.content_type = parts->content_type();
  exchange.response.charset = {};
  exchange.response.headers.remove(HeaderId::content_range);
  announce_length(exchange, parts->length());
  exchange.add_body_filter(*parts);
}

Verdict not_satisfiable(Exchange& exchange) {
  http::ResponseHead& response = exchange.response;
  response.headers.remove(HeaderId::content_range);
  response.headers.add("Content-Range",
                       unsatisfied_range_text(exchange.arena, *response.content_length),
                       HeaderId::content_range);
  response.headers.remove(HeaderId::content_length);
  response.content_length.reset();
  return Verdict::status(416);
}

Verdict pick_ranges(Exchange& exchange) {
  http::ResponseHead& response = exchange.response;
  const CoreConf& core = exchange.conf<CoreConf>();
  if (!exchange.allow_ranges || response.status != 200 || !response.content_length ||
      exchange.is_subrequest() || exchange.request.version < http::Version::http10 ||
      core.max_ranges == 0) {
    return Verdict::ok();
  }
  const Header* range = exchange.request.headers.find(HeaderId::range);
  if (asks_for_ranges(exchange, range)) {
    uint32_t limit = exchange.single_range ? 1 : core.max_ranges;
    RangeSet set =
        parse_ranges(range->value.substr(6), *response.content_length, limit, exchange.arena);
    if (set.outcome == RangeSet::Outcome::unsatisfiable) return not_satisfiable(exchange);
    if (set.outcome == RangeSet::Outcome::ranges) {
      response.status = 206;
      response.reason = {};
      if (set.ranges.size() == 1) {
        answer_one(exchange, set.ranges[0]);
      } else {
        answer_several(exchange, set.ranges);
      }
      return Verdict::ok();
    }
  }
  response.headers.add("Accept-Ranges", "bytes", HeaderId::accept_ranges);
  return Verdict::ok();
}

}  // namespace

const Module http_range = {
    .id = ModuleId::http_range,
    .name = "http_range",
    .header_filter = pick_ranges,
};

}  // namespace sluice
