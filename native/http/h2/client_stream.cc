#include "http/h2/client_stream.h"

#include <algorithm>

#include "base/clock.h"
#include "http/h2/client_codec.h"
#include "http/h2/client_session.h"

namespace sluice::h2 {

namespace {

/// What a stream may receive ahead of its consumer. At first what RFC 9113 section 6.9.2 says; a
/// consumer that keeps up gets more, since a window is also the most that one round trip brings.
constexpr int32_t largest_window = 256 * 1024;
/// A consumer that had to wait goes on below this.
constexpr size_t low_mark = 16 * 1024;

size_t size_of(std::span<const nghttp2_nv> fields) {
  size_t size = frame_head_size;
  for (const nghttp2_nv& field : fields) size += field.namelen + field.valuelen;
  return size;
}

ssize_t read_data(nghttp2_session*, int32_t, uint8_t*, size_t room, uint32_t* flags,
                  nghttp2_data_source* source, void*) {
  return static_cast<ClientStream*>(source->ptr)->next_data(room, *flags);
}

}  // namespace

ClientStream::ClientStream(ClientSession& session)
    : session_(session), opened_ms_(Clock::of_thread().monotonic_ms()) {}

ClientStream::~ClientStream() = default;

// --- The request ---

void ClientStream::begin(std::span<const nghttp2_nv> head, ClientCodec& codec) {
  head_ = head;
  codec_ = &codec;
  head_size_ = size_of(head);
  session_.submit_later(*this);
}

void ClientStream::submit() {
  bool bodiless = ending_ && pending_.empty() && trailers_.empty();
  nghttp2_data_provider body = {{.ptr = this}, read_data};
  int id = nghttp2_submit_request(session_.session(), nullptr, head_.data(), head_.size(),
                                  bodiless ? nullptr : &body, this);
  head_ = {};
  if (id > 0) {
    id_ = id;
    return;
  }
  on_unprocessed("upstream takes no more requests on this connection");
}

void ClientStream::write(std::span<const char> bytes) {
  pending_.borrow(bytes);
  wake();
}

void ClientStream::commit(size_t size) {
  pending_.commit(size);
  wake();
}

void ClientStream::write_file(FileRef file, uint64_t offset, uint64_t length) {
  file_ = file;
  pending_.add_file(std::move(file), offset, length);
  wake();
}

void ClientStream::end(std::span<const nghttp2_nv> trailers) {
  trailers_ = trailers;
  shutdown_write();
}

void ClientStream::shutdown_write() {
  ending_ = true;
  wake();
}

void ClientStream::wake() {
  if (closed_) return;
  waiting_ |= blocked();
  if (std::exchange(deferred_, false)) nghttp2_session_resume_data(session_.session(), id_);
  session_.stack().settle_later(*this);
}

void ClientStream::flush() {
  session_.produce();
  pending_.own_borrowed();
}

ptrdiff_t ClientStream::next_data(size_t room, uint32_t& flags) {
  if (session_.is_full()) return NGHTTP2_ERR_PAUSE;
  if (pending_.empty() && !ending_) {
    deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  size_t size = std::min(room, pending_.size());
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (size == pending_.size() && ending_) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (submit_trailers()) flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
  }
  return ptrdiff_t(size);
}

bool ClientStream::submit_trailers() {
  std::span<const nghttp2_nv> section = std::exchange(trailers_, {});
  return !section.empty() &&
         nghttp2_submit_trailer(session_.session(), id_, section.data(), section.size()) == 0;
}

// Bytes are copied behind their frame's head; a file's go by the connection's own ways.
void ClientStream::take_data(std::span<const uint8_t> frame_head, size_t size) {
  net::Stream& to = *session_.below();
  std::ranges::copy(frame_head, to.prepare(frame_head.size()).begin());
  to.commit(frame_head.size());
  session_.note_progress(size);
  while (size > 0) {
    net::OutQueue::FilePart part = pending_.front_file();
    size_t taken = 0;
    if (part.file) {
      taken = std::min<uint64_t>(size, part.length);
      to.write_file(file_, part.offset, taken);
    } else {
      iovec piece;
      bool more = false;
      pending_.gather({&piece, 1}, more);
      taken = std::min(size, piece.iov_len);
      std::span<char> room = to.prepare(taken);
      std::copy_n(static_cast<const char*>(piece.iov_base), taken, room.begin());
      to.commit(taken);
    }
    pending_.consume(taken);
    size -= taken;
  }
  if (has_room_again()) session_.stack().visit_later(*this);
}

bool ClientStream::has_room_again() const { return waiting_ && unsent() <= low_mark; }

void ClientStream::settle() {
  session_.produce();
  pending_.own_borrowed();
  if (has_room_again()) {
    session_.stack().visit_later(*this);
  } else {
    waiting_ = unsent() > 0;
  }
}

// --- The response ---

void ClientStream::begin_section() {
  if (codec_) codec_->begin_section();
}

void ClientStream::add_field(std::string_view name, std::string_view value) {
  session_.note_progress(name.size() + value.size());
  codec_->add_field(name, value);
}

void ClientStream::end_section(bool ended) {
  codec_->end_section(ended);
  tell();
}

void ClientStream::on_body(std::span<const char> data) {
  session_.note_progress(data.size());
  if (paused_ || !held_.empty()) {
    held_.append(data.data(), data.size());
    return;
  }
  consumer_->on_data(data);
  if (!closed_) consumed(data.size());
}

void ClientStream::on_body_end() {
  codec_->end_body();
  tell();
}

void ClientStream::on_invalid_frame() {
  codec_->on_failure("upstream sent invalid http2 frame");
  tell_later();
}

void ClientStream::on_unprocessed(std::string_view why) {
  codec_->on_unprocessed(why);
  tell_later();
}

void ClientStream::on_closed(uint32_t error) {
  id_ = 0;
  if (is_decided()) return;
  if (error == NGHTTP2_REFUSED_STREAM && !session_.goaway().empty()) {
    codec_->on_unprocessed(session_.goaway());
  } else {
    codec_->on_reset(error);
  }
  tell_later();
}

bool ClientStream::is_decided() const { return codec_ && codec_->decided(); }

/// The codec has something to tell, once what came before has been taken.
void ClientStream::tell() {
  if (held_.empty() && !paused_) {
    consumer_->on_data({});
  } else {
    untold_ = true;
  }
}

void ClientStream::tell_later() {
  untold_ = true;
  session_.stack().visit_later(*this);
}

// What is given back makes the peer's window larger again: what a paused consumer has is not.
void ClientStream::consumed(size_t size) {
  unconsumed_ += size;
  if (paused_ || id_ == 0) return;
  size = std::exchange(unconsumed_, 0);
  since_grown_ += size;
  if (since_grown_ >= size_t(window_) && window_ < largest_window) {
    since_grown_ = 0;
    window_ = std::min(2 * window_, largest_window);
    nghttp2_session_set_local_window_size(session_.session(), NGHTTP2_FLAG_NONE, id_, window_);
  }
  nghttp2_session_consume_stream(session_.session(), id_, size);
}

void ClientStream::resume_reading() {
  if (!std::exchange(paused_, false)) return;
  session_.stack().visit_later(*this);
}

void ClientStream::visit() {
  if (has_room_again()) {
    waiting_ = unsent() > 0;
    consumer_->on_writable();
  }
  if (closed_ || paused_) return;
  if (!held_.empty()) {
    std::string held = std::exchange(held_, {});
    consumer_->on_data(held);
    // They may lie in a client's queue.
    session_.stack().flush();
    if (closed_) return;
    consumed(held.size());
  } else {
    consumed(0);
  }
  if (!paused_ && std::exchange(untold_, false)) consumer_->on_data({});
  session_.produce();
}

// --- The end ---

void ClientStream::on_connection_end() {
  id_ = 0;
  if (is_decided()) {
    tell();
  } else if (!codec_) {
    consumer_->on_error(ECONNRESET);
  } else if (head_size_ > 0) {
    on_unprocessed("upstream closed the connection");
  } else {
    consumer_->on_end();
  }
}

void ClientStream::on_connection_error(int error) {
  id_ = 0;
  is_decided() ? tell() : consumer_->on_error(error);
}

void ClientStream::on_connection_failure(std::string_view why) {
  id_ = 0;
  if (!codec_) {
    consumer_->on_error(EPROTO);
    return;
  }
  codec_->on_failure(why);
  tell();
}

void ClientStream::close() {
  if (std::exchange(closed_, true)) return;
  codec_ = nullptr;
  head_ = trailers_ = {};
  pending_.clear();
  session_.remove(*this);
}

const net::Address& ClientStream::remote_address() const { return session_.peer(); }

const net::Address& ClientStream::local_address() {
  return session_.below() ? session_.below()->local_address() : session_.peer();
}

}  // namespace sluice::h2
