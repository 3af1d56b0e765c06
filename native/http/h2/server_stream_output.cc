// The stream as its exchange sees it: http::Downstream's way out.

#include <unistd.h>

#include <algorithm>

#include "http/h2/server_connection.h"
#include "http/h2/server_stream.h"
#include "http/response_section.h"
#include "http/status.h"
#include "modules/http_core.h"
#include "modules/http_v2.h"
#include "proxy/exchange.h"

namespace sluice::h2 {

namespace {

constexpr size_t low_mark = 16 * 1024;
/// What is shorter is copied behind its frame's head, where it may wait for the turn's end.
constexpr size_t worth_borrowing = 4096;

/// This thread's section in the making, and its fields as nghttp2 takes them.
struct Sections {
  http::Section section;
  std::vector<nghttp2_nv> fields;

  std::span<nghttp2_nv> borrowed() {
    fields.clear();
    for (const http::SectionField& field : section) {
      fields.push_back(borrowed_field(field.name, field.value));
    }
    return fields;
  }
};

Sections& fresh_section() {
  thread_local Sections sections;
  sections.section.clear();
  return sections;
}

ssize_t read_data(nghttp2_session*, int32_t, uint8_t*, size_t room, uint32_t* flags,
                  nghttp2_data_source* source, void*) {
  return static_cast<ServerStream*>(source->ptr)->next_data(room, *flags);
}

}  // namespace

void ServerStream::send_informational(uint16_t status, const http::HeaderList& headers) {
  if (closed_ || head_ != Head::none) return;
  Sections& made = fresh_section();
  http::append_interim_head(status, headers, exchange_->arena, made.section);
  std::span<nghttp2_nv> fields = made.borrowed();
  // Whose texts these are, and for how long, is not known here.
  for (nghttp2_nv& field : fields) field.flags = NGHTTP2_NV_FLAG_NONE;
  nghttp2_submit_headers(connection_.session(), NGHTTP2_FLAG_NONE, id_, nullptr, fields.data(),
                         fields.size(), nullptr);
  output();
}

void ServerStream::send_head(Exchange& exchange, bool no_body) {
  if (closed_) return;
  const http::ResponseHead& head = exchange.response;
  bool trailers = head.expect_trailers || !head.trailers.empty();
  bool bodiless = no_body || (head.content_length == 0u && !trailers);
  bool opens_tunnel = extended_ && head.status == 101;
  if (opens_tunnel) bodiless = false;
  counted_ = !bodiless && head.content_length && !trailers;
  left_ = counted_ ? *head.content_length : 0;

  // RFC 9218 section 8: who answers may know better.
  if (const http::Header* field = head.headers.find(http::HeaderId::priority)) {
    set_priority(http::parse_priority(field->value, priority_).value_or(priority_));
  }

  Sections& made = fresh_section();
  http::append_response_head(exchange, extended_, made.section);
  std::span<const nghttp2_nv> fields = made.borrowed();
  nghttp2_data_provider body = {{.ptr = this}, read_data};
  nghttp2_submit_response(connection_.session(), id_, fields.data(), fields.size(),
                          bodiless ? nullptr : &body);
  head_ = Head::queued;
  last_given_ = bodiless;
  connection_.produce_later();
}

void ServerStream::send_body(const http::Piece& piece) {
  if (closed_ || last_given_) return;
  uint64_t size = piece.size();
  if (piece.file) {
    pending_.add_file(piece.file, piece.offset, piece.length);
  } else {
    pending_.borrow(piece.bytes);
  }
  if (counted_) left_ -= std::min(left_, size);
  // A body that is shorter than was promised must not look complete: finished() sees to it.
  last_given_ = counted_ ? left_ == 0 : piece.last;
  if (size > 0 || last_given_) output();
}

void ServerStream::flush() {
  output();
  if (unsent() > 0) waiting_ = true;
}

void ServerStream::output() {
  if (closed_) return;
  if (deferred_ && (!pending_.empty() || last_given_)) {
    deferred_ = false;
    nghttp2_session_resume_data(connection_.session(), id_);
  }
  in_output_ = true;
  connection_.settle_later(*this);
  connection_.produce();
  in_output_ = false;
  if (unsent() == 0) return;
  waiting_ = true;
  if (exchange_ && !send_timer_.active()) {
    send_timer_.set(exchange_->conf<CoreConf>().send_timeout);
  }
}

size_t ServerStream::unsent() const {
  if (closed_) return 0;
  bool owes = head_ == Head::queued || (last_given_ && !end_sent_);
  return pending_.size() + owes;
}

// --- nghttp2 makes frames ---

ptrdiff_t ServerStream::next_data(size_t room, uint32_t& flags) {
  if (connection_.is_full()) return NGHTTP2_ERR_PAUSE;
  if (pending_.empty() && !last_given_) {
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  size_t chunk = exchange_ ? exchange_->conf<V2Conf>().chunk_size : room;
  size_t size = std::min({room, chunk, pending_.size()});
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (size == pending_.size() && last_given_) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (submit_trailers()) flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  }
  return ptrdiff_t(size);
}

bool ServerStream::submit_trailers() {
  if (!exchange_ || exchange_->response.trailers.empty()) return false;
  Sections& made = fresh_section();
  http::append_trailers(exchange_->response.trailers, exchange_->arena, made.section);
  std::span<const nghttp2_nv> fields = made.borrowed();
  return !fields.empty() &&
         nghttp2_submit_trailer(connection_.session(), id_, fields.data(), fields.size()) == 0;
}

bool ServerStream::take_data(net::OutQueue& frames, size_t size) {
  bool lent = false;
  while (size > 0) {
    net::OutQueue::FilePart part = pending_.front_file();
    size_t taken = part.file ? std::min<uint64_t>(size, part.length)
                             : pending_.move_to(frames, size, worth_borrowing, lent);
    if (part.file) {
      read_file(part, frames.prepare(taken));
      frames.commit(taken);
      pending_.consume(taken);
    }
    size -= taken;
  }
  return lent;
}

// The frame's head has said how much there is: a file that was cut short is made up for, and the
// response then broken off.
void ServerStream::read_file(const net::OutQueue::FilePart& part, std::span<char> into) {
  ssize_t got = ::pread(part.file->descriptor(), into.data(), into.size(), off_t(part.offset));
  if (got == ssize_t(into.size())) return;
  std::fill(into.begin() + std::max<ssize_t>(got, 0), into.end(), '\0');
  file_cut_short_ = true;
}

void ServerStream::on_head_sent(size_t size, bool ended) {
  if (head_ == Head::queued) head_ = Head::sent;
  on_data_sent(size, ended);
}

void ServerStream::on_data_sent(size_t size, bool ended) {
  if (exchange_) exchange_->bytes_sent += size;
  connection_.guard().note_body(size);
  progressed_ = true;
  if (ended) end_sent_ = true;
  connection_.settle_later(*this);
}

void ServerStream::settle() {
  pending_.own_borrowed();
  if (!exchange_ || exchange_->ended()) {
    // What a finished exchange had left for nghttp2 is out.
    if (exchange_ && head_ != Head::queued) connection_.thread().bury(std::move(exchange_));
    if (end_sent_ && !body_.ended() && !closed_) connection_.stop_request_later(*this);
    return;
  }
  if (in_output_) return;
  if (file_cut_short_) {
    exchange_->log(LogLevel::alert, "a file that was being sent was cut short");
    exchange_->abort(500);
    reset(NGHTTP2_INTERNAL_ERROR);
    end_exchange();
    return;
  }
  bool progressed = std::exchange(progressed_, false) || closed_;
  if (unsent() == 0) {
    send_timer_.cancel();
  } else if (progressed) {
    send_timer_.set(exchange_->conf<CoreConf>().send_timeout);
  }
  if (!progressed || !waiting_ || unsent() > low_mark) return;
  waiting_ = unsent() > 0;
  exchange_->on_writable();
}

}  // namespace sluice::h2
