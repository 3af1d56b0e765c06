#include "http/h3/webtransport.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "http/h3/server_connection.h"
#include "modules/http_webtransport.h"
#include "proxy/data_thread.h"

namespace sluice::h3 {

std::unique_ptr<WebTransport> WebTransport::create(ServerConnection& connection) {
  if (!WebTransportConf::in_use(connection.thread().runtime())) return nullptr;
  return std::make_unique<WebTransport>(connection,
                                        connection.server().block->conf<WebTransportConf>());
}

WebTransport::WebTransport(ServerConnection& connection, const WebTransportConf& limits)
    : connection_(connection), limits_(limits) {
  patience_.bind<&WebTransport::on_patience_over>(this);
}

WebTransport::~WebTransport() = default;

// The latter is what drafts from 15 on say.
bool WebTransport::is_protocol(std::string_view protocol) {
  return protocol == "webtransport" || protocol == "webtransport-h3";
}

uint64_t WebTransport::max_sessions() const { return limits_.max_sessions; }

// --- Streams ---

WebTransportStream& WebTransport::make(int64_t stream) {
  auto made = std::make_unique<WebTransportStream>(*this, stream);
  return *streams_.emplace(stream, std::move(made)).first->second;
}

WebTransportStream* WebTransport::find(int64_t stream) {
  auto found = streams_.find(stream);
  return found == streams_.end() ? nullptr : found->second.get();
}

bool WebTransport::take(int64_t stream, Bytes& bytes, bool end, std::vector<uint8_t>& held) {
  if (on_data(stream, bytes, end)) return true;
  auto found = undecided_.find(stream);
  if (found != undecided_.end()) {
    held = std::move(found->second);
    undecided_.erase(found);
    held.insert(held.end(), bytes.begin(), bytes.end());
    bytes = held;
  }
  Bytes rest = bytes;
  quic::VarintReader reader;
  uint64_t type = 0;
  if (!reader.read(rest, type)) {
    if (end) return false;
    undecided_.emplace(stream, std::vector<uint8_t>(bytes.begin(), bytes.end()));
    return true;
  }
  if (type != webtransport_signal) return false;
  WebTransportStream& made = make(stream);
  made.consume(bytes.size() - rest.size());
  made.on_data(rest, end);
  return true;
}

void WebTransport::begin(int64_t stream, Bytes bytes, bool end) {
  make(stream).on_data(bytes, end);
}

bool WebTransport::on_data(int64_t stream, Bytes bytes, bool end) {
  WebTransportStream* found = find(stream);
  if (found) found->on_data(bytes, end);
  return found != nullptr;
}

bool WebTransport::on_reset(int64_t stream, uint64_t error) {
  WebTransportStream* found = find(stream);
  if (found) found->on_reset(error);
  if (found || undecided_.erase(stream) == 0) return found != nullptr;
  connection_.transport()->reset_stream(stream, uint64_t(Error::request_cancelled));
  return true;
}

bool WebTransport::on_stopped(int64_t stream, uint64_t error) {
  WebTransportStream* found = find(stream);
  if (found) found->on_stopped(error);
  return found != nullptr;
}

bool WebTransport::on_closed(int64_t stream) {
  undecided_.erase(stream);
  auto found = streams_.find(stream);
  if (found == streams_.end()) return false;
  std::unique_ptr<WebTransportStream> closed = std::move(found->second);
  streams_.erase(found);
  bury(std::move(closed));
  return true;
}

void WebTransport::on_ended(WebTransportStream& stream) {
  if (!on_closed(stream.id)) return;
  quic::Connection* transport = connection_.transport();
  if (transport && replaced_++ < most_replaced) transport->allow_stream();
}

void WebTransport::bury(std::unique_ptr<WebTransportStream> stream) {
  waiting_count_ -= stream->ListHook<StreamsWithoutSession>::linked();
  stream->on_closed();
  connection_.thread().bury(std::move(stream));
}

WebTransportStream* WebTransport::open(WebTransportSession& session, bool bidirectional) {
  quic::Connection* transport = connection_.transport();
  if (!transport) return nullptr;
  int64_t stream = transport->open_stream(bidirectional);
  if (stream < 0) return nullptr;
  WebTransportStream& made = make(stream);
  made.open(session);
  return &made;
}

void WebTransport::on_streams_allowed() {
  for (auto& [id, session] : sessions_) {
    if (session->begun()) session->owner().on_streams_allowed();
  }
}

void WebTransport::consume(size_t bytes) {
  if (quic::Connection* transport = connection_.transport()) transport->consume(bytes);
}

// --- What comes before its session ---

WebTransportSession* WebTransport::begun(uint64_t session) {
  auto found = sessions_.find(int64_t(session));
  return found != sessions_.end() && found->second->begun() ? found->second : nullptr;
}

bool WebTransport::may_begin(uint64_t session) const {
  return connection_.may_be_session(int64_t(session));
}

void WebTransport::place(WebTransportStream& stream) {
  uint64_t id = stream.session_id();
  if ((id & 3) != 0) {
    connection_.close(Error::id_error, "client named no session");
    return;
  }
  if (WebTransportSession* session = begun(id)) {
    stream.join(*session);
    return;
  }
  if (!may_begin(id)) {
    stream.refuse(Error::webtransport_session_gone);
    return;
  }
  if (waiting_count_ >= limits_.max_streams) {
    stream.refuse(Error::webtransport_buffered_stream_rejected);
    return;
  }
  stream.waiting_since = Clock::of_thread().monotonic_ms();
  waiting_.push_back(stream);
  waiting_count_++;
  if (!patience_.active()) patience_.set(connection_.server().connection.client_header_timeout);
}

void WebTransport::hand_over(WebTransportSession& session) {
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    WebTransportStream& stream = *at;
    ++at;
    if (stream.session_id() != uint64_t(session.id())) continue;
    waiting_count_--;
    stream.join(session);
  }
  std::deque<WaitingDatagram> others;
  for (WaitingDatagram& datagram : std::exchange(waiting_datagrams_, {})) {
    if (datagram.session == uint64_t(session.id())) {
      session.owner().on_datagram(datagram.bytes);
    } else {
      others.push_back(std::move(datagram));
    }
  }
  waiting_datagrams_ = std::move(others);
  if (draining_) session.owner().on_draining();
}

void WebTransport::on_request_over(int64_t request) {
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    WebTransportStream& stream = *at;
    ++at;
    if (stream.session_id() != uint64_t(request)) continue;
    waiting_count_--;
    stream.refuse(Error::webtransport_buffered_stream_rejected);
  }
  std::erase_if(waiting_datagrams_, [&](const WaitingDatagram& datagram) {
    return datagram.session == uint64_t(request);
  });
}

void WebTransport::on_patience_over() {
  uint64_t patience = connection_.server().connection.client_header_timeout;
  uint64_t now = Clock::of_thread().monotonic_ms();
  while (!waiting_.empty() && waiting_.front().waiting_since + patience <= now) {
    waiting_count_--;
    waiting_.front().refuse(Error::webtransport_buffered_stream_rejected);
  }
  waiting_datagrams_.clear();
  if (!waiting_.empty()) patience_.set(patience);
}

// --- Datagrams (RFC 9297, 2.1) ---

void WebTransport::on_datagram(Bytes bytes) {
  constexpr uint64_t largest = ((uint64_t{1} << 62) - 1) / 4;
  quic::VarintReader reader;
  uint64_t quarter = 0;
  if (!reader.read(bytes, quarter) || quarter > largest) {
    connection_.close(Error::datagram_error, "client sent an invalid datagram");
    return;
  }
  if (WebTransportSession* session = begun(quarter * 4)) {
    session->owner().on_datagram(bytes);
  } else if (may_begin(quarter * 4) && waiting_datagrams_.size() < limits_.datagram_queue) {
    waiting_datagrams_.push_back({quarter * 4, {bytes.begin(), bytes.end()}});
    if (!patience_.active()) patience_.set(connection_.server().connection.client_header_timeout);
  }
}

void WebTransport::has_datagram(WebTransportSession& session) {
  if (!session.ListHook<SessionsWithDatagrams>::linked()) sending_.push_back(session);
  if (quic::Connection* transport = connection_.transport()) transport->wants_to_send();
}

// Sessions take turns.
WebTransport::Bytes WebTransport::next_datagram(size_t most) {
  while (!sending_.empty()) {
    WebTransportSession& session = sending_.front();
    Bytes datagram = session.datagram();
    if (datagram.empty()) {
      session.ListHook<SessionsWithDatagrams>::unlink();
    } else if (datagram.size() > most) {
      session.drop_datagram();  // the path has become narrower
    } else {
      return datagram;
    }
  }
  return {};
}

void WebTransport::on_datagram_sent() {
  WebTransportSession& session = sending_.pop_front();
  session.drop_datagram();
  if (!session.datagram().empty()) sending_.push_back(session);
}

// --- The end ---

void WebTransport::remove(WebTransportSession& session) {
  sessions_.erase(session.id());
  if (draining_) connection_.drain();
}

// After a GOAWAY browsers open no streams any more, of their sessions neither: it has to wait.
bool WebTransport::drain() {
  if (sessions_.empty()) return false;
  if (std::exchange(draining_, true)) return true;
  for (auto& [id, session] : sessions_) {
    if (session->begun()) session->owner().on_draining();
  }
  return true;
}

void WebTransport::on_connection_lost() {
  patience_.cancel();
  undecided_.clear();
  waiting_datagrams_.clear();
  for (auto& [id, stream] : std::exchange(streams_, {})) bury(std::move(stream));
}

}  // namespace sluice::h3
