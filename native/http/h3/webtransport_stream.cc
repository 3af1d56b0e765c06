#include "http/h3/webtransport_stream.h"

#include <utility>

#include "http/h3/server_connection.h"
#include "http/h3/webtransport.h"
#include "http/h3/webtransport_error.h"

namespace sluice::h3 {

WebTransportStream::WebTransportStream(WebTransport& all, int64_t stream) : all_(all) {
  id = stream;
  priority.incremental = true;
}

bool WebTransportStream::sends() const { return ngtcp2_is_bidi_stream(id) || ours(); }

// --- What comes ---

void WebTransportStream::on_data(Bytes bytes, bool end) {
  if (!named_ && !ours()) {
    size_t before = bytes.size();
    named_ = number_.read(bytes, session_id_);
    consume(before - bytes.size());
    if (named_) {
      all_.place(*this);
    } else if (end) {
      refuse(Error::general_protocol_error);
    }
    if (!named_) return;
  }
  if (refused_) {
    all_.consume(bytes.size());
  } else if (session_) {
    if (!bytes.empty() || end) session_->owner().on_stream_data(*this, bytes, end);
  } else {
    early_.insert(early_.end(), bytes.begin(), bytes.end());
    early_end_ |= end;
    return;
  }
  if (end) note_end();
}

// A stream that goes both ways ends with its other side.
void WebTransportStream::note_end() {
  if (!ngtcp2_is_bidi_stream(id) && !ours()) all_.on_ended(*this);
}

void WebTransportStream::on_reset(uint64_t error) {
  if (session_ && !refused_) session_->owner().on_stream_reset(*this, application_error(error));
  if (!named_) refuse(Error::general_protocol_error);
  if (session_ || refused_) {
    note_end();
    return;
  }
  early_reset_ = true;
  early_error_ = error;
}

void WebTransportStream::open(WebTransportSession& session) {
  session_ = &session;
  session.add(*this);
  uint8_t head[2 * quic::max_varint_size];
  uint64_t kind =
      ngtcp2_is_bidi_stream(id) ? webtransport_signal : uint64_t(StreamType::webtransport);
  uint8_t* end = quic::put_varint(quic::put_varint(head, kind), uint64_t(session.id()));
  head_left_ = size_t(end - head);
  write({head, end});
}

void WebTransportStream::join(WebTransportSession& session) {
  ListHook<StreamsWithoutSession>::unlink();
  session_ = &session;
  session.add(*this);
  if (!session.owner().on_stream(*this, ngtcp2_is_bidi_stream(id))) {
    refuse(Error::webtransport_buffered_stream_rejected);
    if (early_end_ || early_reset_) note_end();
    return;
  }
  std::vector<uint8_t> early = std::exchange(early_, {});
  if (!early.empty() || early_end_) session.owner().on_stream_data(*this, early, early_end_);
  if (early_reset_) session.owner().on_stream_reset(*this, application_error(early_error_));
  if (early_stop_) session.owner().on_stream_stopped(*this, application_error(*early_stop_));
  if (early_end_ || early_reset_) note_end();
}

void WebTransportStream::consume(size_t bytes) {
  if (quic::Connection* transport = all_.connection().transport()) transport->consume(id, bytes);
}

// --- What goes ---

void WebTransportStream::write(Bytes bytes) {
  if (over_ || buffer.finished()) return;
  written_ += bytes.size();
  buffer.write(bytes);
  all_.connection().ready(*this);
}

void WebTransportStream::finish() {
  if (over_ || buffer.finished()) return;
  buffer.finish();
  all_.connection().ready(*this);
}

void WebTransportStream::note_sent(size_t bytes) {
  end_sent_ |= buffer.finished() && !buffer.ready();
  size_t head = std::min(bytes, head_left_);
  head_left_ -= head;
  if (session_ && bytes > head) session_->owner().on_stream_sent(*this, bytes - head);
  note_progress();
}

void WebTransportStream::note_acknowledged(uint64_t bytes) {
  arrived_ += bytes;
  note_progress();
}

void WebTransportStream::note_progress() {
  if (!end_sent_ || arrived_ < written_ || over_ || !session_) return;
  if (!std::exchange(finished_told_, true)) session_->owner().on_stream_finished(*this);
}

void WebTransportStream::on_stopped(uint64_t error) {
  if (std::exchange(over_, true)) return;
  if (session_) {
    session_->owner().on_stream_stopped(*this, application_error(error));
  } else {
    early_stop_ = error;
  }
}

// --- The end ---

void WebTransportStream::give_up(uint64_t error) {
  if (!sends() || std::exchange(over_, true)) return;
  ListHook<StreamsReady>::unlink();
  blocked = true;
  if (quic::Connection* transport = all_.connection().transport()) {
    transport->reset_stream(id, error);
  }
}

void WebTransportStream::ask_to_stop(uint64_t error) {
  bool receives = ngtcp2_is_bidi_stream(id) || !ours();
  if (!receives || std::exchange(refused_, true)) return;
  if (quic::Connection* transport = all_.connection().transport()) {
    transport->stop_stream(id, error);
  }
}

void WebTransportStream::reset(uint32_t code) { give_up(http_error(code)); }

void WebTransportStream::stop(uint32_t code) { ask_to_stop(http_error(code)); }

void WebTransportStream::refuse(Error error) {
  ListHook<StreamsWithoutSession>::unlink();
  ListHook<StreamsOfSession>::unlink();
  session_ = nullptr;
  named_ = true;
  all_.consume(std::exchange(early_, {}).size());
  give_up(uint64_t(error));
  ask_to_stop(uint64_t(error));
}

void WebTransportStream::leave() { refuse(Error::webtransport_session_gone); }

void WebTransportStream::on_closed() {
  ListHook<StreamsReady>::unlink();
  ListHook<StreamsWithoutSession>::unlink();
  ListHook<StreamsOfSession>::unlink();
  over_ = refused_ = true;
  buffer.clear();
  all_.consume(early_.size());
  if (WebTransportSession* session = std::exchange(session_, nullptr)) {
    session->owner().on_stream_gone(*this);
  }
}

}  // namespace sluice::h3
