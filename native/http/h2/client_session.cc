#include "http/h2/client_session.h"

#include <algorithm>

#include "base/clock.h"
#include "http/h2/memory.h"

namespace sluice::h2 {

namespace {

/// Of one header block; what is in them is limited by proxy_buffer_size.
constexpr size_t max_continuations = 64;
/// Of a request's head: clients' heads have limits of their own.
constexpr size_t largest_head = size_t{1} << 20;
/// Until the peer's SETTINGS have come.
constexpr uint32_t assumed_streams = 100;
/// As nginx allows its clients: control frames beyond so many bytes may not be most of what comes.
constexpr uint64_t control_allowance = uint64_t{1} << 20;

/// Whoever gives up on a request after so long without hearing of anyone suspects the connection.
constexpr uint64_t patience_ms = 1000;

constexpr std::string_view invalid_frame = "upstream sent invalid http2 frame";

constexpr nghttp2_settings_entry our_settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}};

const nghttp2_option* options() {
  static const OptionPtr made = [] {
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    // The codec says more.
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_max_continuations(option, max_continuations);
    nghttp2_option_set_max_send_header_block_length(option, largest_head);
    // Requests of many clients go by one connection: no table that one could probe for what another
    // has said (RFC 7541 section 7.1).
    nghttp2_option_set_max_deflate_dynamic_table_size(option, 0);
    nghttp2_option_set_peer_max_concurrent_streams(option, assumed_streams);
    return OptionPtr(option);
  }();
  return made.get();
}

uint64_t now_ms() { return Clock::of_thread().monotonic_ms(); }

}  // namespace

/// nghttp2's callbacks; `user` is the session, a stream's user data is the ClientStream.
struct ClientCallbacks {
  static ClientSession& session(void* user) { return *static_cast<ClientSession*>(user); }
  static ClientStream* stream(nghttp2_session* session, int32_t id) {
    return static_cast<ClientStream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    if (ClientStream* stream = ClientCallbacks::stream(session, frame->hd.stream_id)) {
      stream->begin_section();
    }
    return 0;
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                       nghttp2_rcbuf* value, uint8_t, void*) {
    if (ClientStream* stream = ClientCallbacks::stream(session, frame->hd.stream_id)) {
      stream->add_field(view(name), view(value));
    }
    return 0;
  }

  static int on_frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    bool ended = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    ClientStream* stream = ClientCallbacks::stream(session, frame->hd.stream_id);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (stream) stream->end_section(ended);
        return 0;
      case NGHTTP2_DATA:
        if (stream && ended) stream->on_body_end();
        return 0;
      case NGHTTP2_SETTINGS:
        ClientCallbacks::session(user).settings_received_ = true;
        return 0;
      case NGHTTP2_GOAWAY:
        ClientCallbacks::session(user).on_goaway(frame->goaway.error_code);
        return 0;
      default:
        return 0;
    }
  }

  static int on_invalid_frame(nghttp2_session* session, const nghttp2_frame* frame, int, void*) {
    if (ClientStream* stream = ClientCallbacks::stream(session, frame->hd.stream_id)) {
      stream->on_invalid_frame();
    }
    return 0;
  }

  static int on_data_chunk(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data,
                           size_t size, void*) {
    // The connection's window starves nobody: what a stream may send ahead its own window says.
    nghttp2_session_consume_connection(session, size);
    if (ClientStream* stream = ClientCallbacks::stream(session, id)) {
      stream->on_body({reinterpret_cast<const char*>(data), size});
    }
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, int32_t id, uint32_t error, void*) {
    if (ClientStream* stream = ClientCallbacks::stream(session, id)) stream->on_closed(error);
    return 0;
  }

  static int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (ClientStream* stream = ClientCallbacks::stream(session, frame->hd.stream_id)) {
      stream->on_head_sent();
    }
    return 0;
  }

  static int on_frame_not_sent(nghttp2_session* session, const nghttp2_frame* frame, int, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    ClientStream* stream = ClientCallbacks::stream(session, frame->hd.stream_id);
    if (!stream) return 0;
    stream->detach();
    stream->on_unprocessed("upstream takes no more requests on this connection");
    return 0;
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t size,
                       nghttp2_data_source* source, void*) {
    static_cast<ClientStream*>(source->ptr)->take_data({head, frame_head_size}, size);
    return 0;
  }

  static const nghttp2_session_callbacks* all() {
    static const CallbacksPtr made = [] {
      nghttp2_session_callbacks* set = nullptr;
      nghttp2_session_callbacks_new(&set);
      nghttp2_session_callbacks_set_on_begin_headers_callback(set, on_begin_headers);
      nghttp2_session_callbacks_set_on_header_callback2(set, on_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(set, on_frame_received);
      nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(set, on_invalid_frame);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(set, on_data_chunk);
      nghttp2_session_callbacks_set_on_stream_close_callback(set, on_stream_close);
      nghttp2_session_callbacks_set_on_frame_send_callback(set, on_frame_sent);
      nghttp2_session_callbacks_set_on_frame_not_send_callback(set, on_frame_not_sent);
      nghttp2_session_callbacks_set_send_data_callback(set, send_data);
      return CallbacksPtr(set);
    }();
    return made.get();
  }
};

ClientSession::ClientSession(net::Stack& stack, Owner& owner) : stack_(stack), owner_(owner) {}
ClientSession::~ClientSession() = default;

void ClientSession::begin(net::Stream& below) {
  below_ = &below;
  peer_ = below.remote_address();
  make_session();
  tell_all([](ClientStream& stream) { stream.on_connected(); });
  stack_.visit_later(*this);
}

void ClientSession::make_session() {
  nghttp2_session* session = nullptr;
  nghttp2_session_client_new3(&session, ClientCallbacks::all(), this, options(), &memory());
  session_.reset(session);
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, our_settings, std::size(our_settings));
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, max_window);
}

// --- Streams ---

bool ClientSession::has_room() const {
  if (going_away_) return false;
  if (!session_) return stream_count_ < assumed_streams;
  uint32_t most = assumed_streams;
  if (settings_received_) {
    most = nghttp2_session_get_remote_settings(session_.get(),
                                               NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  }
  return stream_count_ < most && nghttp2_session_check_request_allowed(session_.get());
}

net::StreamPtr ClientSession::open() {
  auto owned = std::make_unique<ClientStream>(*this);
  ClientStream& stream = *owned.release();
  streams_.push_back(stream);
  stream_count_++;
  return net::StreamPtr(&stream);
}

void ClientSession::submit_later(ClientStream& stream) {
  to_submit_.push_back(stream);
  stack_.visit_later(*this);
}

void ClientSession::remove(ClientStream& stream) {
  stream.ListHook<StreamsOfSession>::unlink();
  stream.ListHook<StreamsToSubmit>::unlink();
  stream_count_--;
  if (stream.id() && below_) {
    // A peer that has said nothing all the while may never say anything again.
    bool silent =
        last_received_ms_ < stream.opened_ms() && now_ms() - stream.opened_ms() > patience_ms;
    if (silent && !stream.is_decided()) going_away_ = true;
    nghttp2_session_set_stream_user_data(session_.get(), stream.id(), nullptr);
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id(), NGHTTP2_CANCEL);
    stack_.visit_later(*this);
  }
  stack_.bury(std::unique_ptr<net::Layer>(&stream));
  if (stream_count_ == 0 && !within_session_ && !telling_) owner_.on_unused();
}

/// Tells every stream, each of which may go.
template <class Tell>
void ClientSession::tell_all(Tell tell) {
  telling_ = true;
  IntrusiveList<ClientStream, StreamsOfSession> told;
  told.splice(streams_);
  while (!told.empty()) {
    ClientStream& stream = told.pop_front();
    streams_.push_back(stream);
    tell(stream);
  }
  telling_ = false;
}

// --- What comes ---

void ClientSession::receive(std::span<const char> data) {
  received_ += data.size();
  last_received_ms_ = now_ms();
  within_session_ = true;
  ssize_t size = nghttp2_session_mem_recv(
      session_.get(), reinterpret_cast<const uint8_t*>(data.data()), data.size());
  within_session_ = false;
  if (size < 0) {
    break_off(invalid_frame);
  } else if (is_flood()) {
    break_off("http2 flood detected");
  } else {
    stack_.visit_later(*this);
    if (stream_count_ == 0) owner_.on_unused();
  }
}

bool ClientSession::is_flood() const { return received_ / 8 > progress_ + control_allowance; }

void ClientSession::on_goaway(uint32_t error) {
  going_away_ = true;
  goaway_ = "upstream sent goaway with error " + std::to_string(error);
}

// --- What leaves ---

void ClientSession::produce() {
  if (within_session_ || !below_) return;
  within_session_ = true;
  while (!to_submit_.empty()) to_submit_.pop_front().submit();
  while (!is_full()) {
    const uint8_t* data = nullptr;
    ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
    if (size <= 0) break;
    std::span<char> room = below_->prepare(size_t(size));
    std::copy_n(data, size, room.begin());
    below_->commit(size_t(size));
  }
  within_session_ = false;
}

// After a connection error nghttp2 wants nothing more once its GOAWAY is out.
void ClientSession::visit() {
  produce();
  if (below_ && !nghttp2_session_want_read(session_.get())) break_off(invalid_frame);
}

// --- The end ---

void ClientSession::end() {
  going_away_ = true;
  below_ = nullptr;
  tell_all([](ClientStream& stream) { stream.on_connection_end(); });
}

void ClientSession::fail(int error) {
  going_away_ = true;
  below_ = nullptr;
  tell_all([error](ClientStream& stream) { stream.on_connection_error(error); });
}

void ClientSession::break_off(std::string_view why) {
  going_away_ = true;
  produce();
  below_ = nullptr;
  tell_all([why](ClientStream& stream) { stream.on_connection_failure(why); });
  owner_.on_broken();
}

void ClientSession::leave() {
  going_away_ = true;
  if (!below_) return;
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
  produce();
  below_ = nullptr;
}

}  // namespace sluice::h2
