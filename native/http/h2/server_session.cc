// The connection's side towards nghttp2: options, callbacks, what goes in and what comes out.

#include "http/h2/memory.h"
#include "http/h2/server_connection.h"
#include "modules/http_core.h"
#include "modules/http_v2.h"
#include "modules/http_webtransport.h"
#include "proxy/exchange.h"

namespace sluice::h2 {

namespace {

/// Frames of one header block; its bytes are limited by large_client_header_buffers.
constexpr size_t max_continuations = 64;
/// Of a response, estimated; what proxy_buffer_size and add_header allow is less.
constexpr size_t max_sent_block = 1 << 20;
/// Of frames either way, where the peer takes more than it has to: nghttp2 keeps a buffer of the
/// size that is sent, and what a GOAWAY says.
constexpr uint32_t largest_frame = 64 * 1024;
/// What nghttp2 itself would limit more strictly than we do (http/h2/flood_guard.h).
constexpr uint64_t unlimited = uint64_t(1) << 40;
/// Frames that only nghttp2 sees: unknown ones, and those of streams that it ignores.
constexpr uint64_t glitches_at_once = 1000;
constexpr uint64_t glitches_per_second = 100;
/// RFC 9218 section 7.1.
constexpr uint8_t priority_update_type = 0x10;
constexpr size_t max_priority_update = 256;

const nghttp2_option* options() {
  static const OptionPtr made = [] {
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, 1);
    // Ours says more, and answers with a status: http/field_section.h.
    nghttp2_option_set_no_http_messaging(option, 1);
    nghttp2_option_set_no_recv_client_magic(option, 1);
    nghttp2_option_set_max_send_header_block_length(option, max_sent_block);
    nghttp2_option_set_max_continuations(option, max_continuations);
    nghttp2_option_set_stream_reset_rate_limit(option, unlimited, unlimited);
    nghttp2_option_set_glitch_rate_limit(option, glitches_at_once, glitches_per_second);
    nghttp2_option_set_user_recv_extension_type(option, priority_update_type);
    return OptionPtr(option);
  }();
  return made.get();
}

std::string_view text(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

/// An empty SETTINGS.
constexpr std::string_view no_settings("\0\0\0\4\0\0\0\0\0", frame_head_size);
constexpr std::string_view settings_acknowledgement("\0\0\0\4\1\0\0\0\0", frame_head_size);

}  // namespace

/// nghttp2's callbacks; `user` is the connection, a stream's user data is the ServerStream.
struct SessionCallbacks {
  static ServerConnection& connection(void* user) { return *static_cast<ServerConnection*>(user); }
  static ServerStream* stream(nghttp2_session* session, int32_t id) {
    return static_cast<ServerStream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int on_begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* user) {
    ServerConnection& self = connection(user);
    if (self.failed_ || !self.begin_control_frame(*head)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (head->type == NGHTTP2_PUSH_PROMISE || self.is_stale(*head)) {
      self.fail(NGHTTP2_PROTOCOL_ERROR);
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    // Whatever comes now, a head that was coming is complete, or ignored.
    if (head->type != NGHTTP2_CONTINUATION) self.in_header_block_ = self.head_given_up_ = false;
    if (head->type == NGHTTP2_HEADERS) {
      self.block_size_ = uint32_t(head->length);
      self.block_list_size_ = 0;
    } else if (head->type == NGHTTP2_CONTINUATION) {
      self.block_size_ += uint32_t(head->length);
    } else if (head->type == NGHTTP2_DATA && head->flags & NGHTTP2_FLAG_END_STREAM) {
      ServerStream* stream = SessionCallbacks::stream(session, head->stream_id);
      if (stream) stream->body().on_last_data(head->length);
    }
    return 0;
  }

  static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    ServerConnection& self = connection(user);
    self.in_header_block_ = true;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    int32_t id = frame->hd.stream_id;
    bool refuse = !self.begin_stream(id, frame->hd.flags & NGHTTP2_FLAG_END_STREAM);
    if (refuse) {
      self.in_header_block_ = false;
      self.has_reset_ = true;
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    }
    return 0;
  }

  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                       nghttp2_rcbuf* value, uint8_t, void* user) {
    return connection(user).add_field(stream(session, frame->hd.stream_id),
                                      frame->headers.cat != NGHTTP2_HCAT_REQUEST, view(name),
                                      view(value));
  }

  static int on_frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    ServerConnection& self = connection(user);
    const nghttp2_frame_hd& head = frame->hd;
    bool ended = head.flags & NGHTTP2_FLAG_END_STREAM;
    switch (head.type) {
      case NGHTTP2_HEADERS: {
        self.in_header_block_ = self.head_given_up_ = false;
        ServerStream* stream = SessionCallbacks::stream(session, head.stream_id);
        if (!stream) return 0;
        if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
          if (head.flags & NGHTTP2_FLAG_PRIORITY) {
            self.take_dependency(head.stream_id, frame->headers.pri_spec);
          }
          size_t padding = frame->headers.padlen;
          size_t priority = head.flags & NGHTTP2_FLAG_PRIORITY ? 5 : 0;
          stream->on_head(ended, uint32_t(self.block_size_ - padding - priority));
        } else if (ended) {
          stream->body().on_end();
        } else {
          // RFC 9113 section 8.1: trailers end a request.
          nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, head.stream_id,
                                    NGHTTP2_PROTOCOL_ERROR);
        }
        return 0;
      }
      case NGHTTP2_DATA:
        if (ServerStream* stream = SessionCallbacks::stream(session, head.stream_id);
            stream && ended) {
          stream->body().on_end();
        }
        return 0;
      case NGHTTP2_WINDOW_UPDATE:
        return self.take_window_update(uint32_t(frame->window_update.window_size_increment))
                   ? 0
                   : NGHTTP2_ERR_CALLBACK_FAILURE;
      case priority_update_type:
        self.take_priority_update(head.stream_id);
        return 0;
      case NGHTTP2_SETTINGS:
        if (head.flags & NGHTTP2_FLAG_ACK) self.settings_acknowledged_ = true;
        for (const nghttp2_settings_entry& said :
             std::span(frame->settings.iv, frame->settings.niv)) {
          self.client_windows_.set(said.settings_id, said.value);
        }
        return 0;
      default:
        return 0;
    }
  }

  static int on_data_chunk(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data,
                           size_t size, void* user) {
    ServerConnection& self = connection(user);
    if (self.failed_) return NGHTTP2_ERR_CALLBACK_FAILURE;
    // The connection's window starves nobody: what a stream may send ahead its own window says.
    nghttp2_session_consume_connection(session, size);
    self.guard_.note_useful(size);
    self.guard_.note_body(size);
    if (ServerStream* stream = SessionCallbacks::stream(session, id)) {
      stream->body().on_data({reinterpret_cast<const char*>(data), size});
    }
    return 0;
  }

  static int on_stream_close(nghttp2_session* session, int32_t id, uint32_t error, void*) {
    if (ServerStream* stream = SessionCallbacks::stream(session, id)) stream->on_closed(error);
    return 0;
  }

  static int on_extension_chunk(nghttp2_session*, const nghttp2_frame_hd*, const uint8_t* data,
                                size_t size, void* user) {
    std::string& update = connection(user).priority_update_;
    // Longer ones are no priorities: the beginning of one will hardly parse.
    size_t taken = std::min(size, max_priority_update - update.size());
    update.append(text(data, taken));
    return 0;
  }

  static int unpack_extension(nghttp2_session*, void** payload, const nghttp2_frame_hd*, void*) {
    *payload = nullptr;
    return 0;
  }

  static int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    const nghttp2_frame_hd& head = frame->hd;
    if (head.type == NGHTTP2_GOAWAY && frame->goaway.error_code == NGHTTP2_ENHANCE_YOUR_CALM) {
      connection(user).thread_.counters.http2_floods++;
      connection(user).log(LogLevel::info, 0, "http2 flood detected");
    }
    if (head.type == NGHTTP2_RST_STREAM) connection(user).has_reset_ = true;
    if (head.type != NGHTTP2_HEADERS && head.type != NGHTTP2_DATA) return 0;
    ServerStream* stream = SessionCallbacks::stream(session, head.stream_id);
    if (!stream) return 0;
    bool ended = head.flags & NGHTTP2_FLAG_END_STREAM;
    size_t size = frame_head_size + head.length;
    head.type == NGHTTP2_HEADERS ? stream->on_head_sent(size, ended)
                                 : stream->on_data_sent(size, ended);
    return 0;
  }

  /// How large a DATA frame may be at most; a stream's http2_chunk_size may ask for less.
  static ssize_t data_size(nghttp2_session*, uint8_t, int32_t, int32_t, int32_t, uint32_t most,
                           void*) {
    return std::min<uint32_t>(most, largest_frame);
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t size,
                       nghttp2_data_source* source, void* user) {
    ServerConnection& self = connection(user);
    self.frames_.copy({reinterpret_cast<const char*>(head), frame_head_size});
    self.lent_ |= static_cast<ServerStream*>(source->ptr)->take_data(self.frames_, size);
    return 0;
  }

  /// What nghttp2 makes of what the client has done.
  static int on_error(nghttp2_session*, int, const char* message, size_t size, void* user) {
    connection(user).log(LogLevel::info, 0, "%.*s", int(size), message);
    return 0;
  }

  static const nghttp2_session_callbacks* all() {
    static const CallbacksPtr made = [] {
      nghttp2_session_callbacks* set = nullptr;
      nghttp2_session_callbacks_new(&set);
      nghttp2_session_callbacks_set_on_begin_frame_callback(set, on_begin_frame);
      nghttp2_session_callbacks_set_on_begin_headers_callback(set, on_begin_headers);
      nghttp2_session_callbacks_set_on_header_callback2(set, on_header);
      nghttp2_session_callbacks_set_on_frame_recv_callback(set, on_frame_received);
      nghttp2_session_callbacks_set_on_data_chunk_recv_callback(set, on_data_chunk);
      nghttp2_session_callbacks_set_on_extension_chunk_recv_callback(set, on_extension_chunk);
      nghttp2_session_callbacks_set_unpack_extension_callback(set, unpack_extension);
      nghttp2_session_callbacks_set_on_stream_close_callback(set, on_stream_close);
      nghttp2_session_callbacks_set_on_frame_send_callback(set, on_frame_sent);
      nghttp2_session_callbacks_set_data_source_read_length_callback(set, data_size);
      nghttp2_session_callbacks_set_send_data_callback(set, send_data);
      nghttp2_session_callbacks_set_error_callback2(set, on_error);
      return CallbacksPtr(set);
    }();
    return made.get();
  }
};

void ServerConnection::make_session() {
  nghttp2_session* session = nullptr;
  nghttp2_session_server_new3(&session, SessionCallbacks::all(), this, options(), &memory());
  session_.reset(session);
  std::vector<nghttp2_settings_entry> settings = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, conf_.body_preread_size},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, largest_frame},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  if (WebTransportConf::in_use(thread_.runtime())) offer_sessions(settings);
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, max_window);
}

// nghttp2 takes a stream too many for the connection's end, where RFC 9113 section 5.1.2 has it
// refused: so the client is told of the limit, nghttp2 isn't.
void ServerConnection::announce_concurrency(std::string_view settings) {
  constexpr size_t entry_size = 6;
  std::span<char> room = frames_.prepare(settings.size() + entry_size);
  std::copy(settings.begin(), settings.end(), room.begin());
  char* entry = room.data() + settings.size();
  uint32_t most = conf_.max_concurrent_streams;
  *entry++ = 0;
  *entry++ = NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS;
  for (int shift = 24; shift >= 0; shift -= 8) *entry++ = char(most >> shift);
  room[2] = char(settings.size() - frame_head_size + entry_size);
  frames_.commit(room.size());
}

// --- Input ---

// The preface (RFC 9113 section 3.4). nginx does without the SETTINGS that belong to it, and so do
// some of its clients: for nghttp2 they are made up. False: more has to come.
bool ServerConnection::open(std::string_view& input) {
  constexpr size_t type_at = preface.size() + 3;
  constexpr size_t needed = type_at + 2;
  size_t taken = std::min(needed - opening_.size(), input.size());
  opening_.append(input.substr(0, taken));
  size_t known = std::min(opening_.size(), preface.size());
  if (std::string_view(opening_).substr(0, known) != preface.substr(0, known)) {
    log(LogLevel::info, 0, "invalid connection preface");
    fail(NGHTTP2_PROTOCOL_ERROR);
    return false;
  }
  if (opening_.size() < needed) return false;
  input.remove_prefix(taken);
  state_ = State::open;
  read_timer_.set(server().connection.client_header_timeout);
  std::string first = opening_.substr(preface.size());
  opening_ = std::string();
  bool settings = first[3] == NGHTTP2_SETTINGS && !(first[4] & NGHTTP2_FLAG_ACK);
  if (!settings) {
    swallow_acknowledgement_ = true;
    receive(no_settings);
  }
  receive(first);
  return !failed_;
}

void ServerConnection::receive(std::string_view input) {
  within_session_ = true;
  ssize_t size = 0;
  for (std::string_view rest = input; !rest.empty() && size >= 0 && !failed_;) {
    std::string_view piece = rest.substr(0, priority_frames_.next(rest));
    rest.remove_prefix(piece.size());
    size = nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const uint8_t*>(piece.data()),
                                    piece.size());
    if (priority_frames_.found() && size >= 0 && !failed_) {
      take_dependency(priority_frames_.stream(), priority_frames_.dependency());
    }
  }
  within_session_ = false;
  bool ballast = !guard_.note_input(input.size());
  if (failed_ || (size >= 0 && !ballast)) return;
  // NGHTTP2_ERR_TOO_MANY_CONTINUATIONS has no name in older headers.
  constexpr ssize_t too_many_continuations = -905;
  if (ballast || size == NGHTTP2_ERR_FLOODED || size == too_many_continuations) {
    calm();
    return;
  }
  log(LogLevel::info, 0, "%s", nghttp2_strerror(int(size)));
  fail(NGHTTP2_PROTOCOL_ERROR);
}

// False: the stream is refused. As nginx, a client that has not heard of our windows yet must not
// send bodies where they are smaller than RFC 9113 says.
bool ServerConnection::begin_stream(int32_t id, bool ended) {
  last_stream_id_ = id;
  if (going_away_) return false;
  if (stream_count_ >= conf_.max_concurrent_streams) {
    log(LogLevel::info, 0, "concurrent streams exceeded %u", stream_count_);
    note_reset();
    return false;
  }
  if (!settings_acknowledged_ && !ended && conf_.body_preread_size < NGHTTP2_INITIAL_WINDOW_SIZE) {
    log(LogLevel::info, 0, "client sent stream with data before settings were acknowledged");
    return false;
  }
  if (idle_) {
    idle_ = false;
    thread_.set_idle(*this, false);
  }
  guard_.note_request();
  facts_.requests++;
  auto owned = std::make_unique<ServerStream>(*this, id);
  ServerStream& stream = *owned.release();
  streams_.push_back(stream);
  ++stream_count_;
  nghttp2_session_set_stream_user_data(session_.get(), id, &stream);
  limit_requests();
  return true;
}

ServerStream* ServerConnection::stream_of(int32_t id) {
  return static_cast<ServerStream*>(nghttp2_session_get_stream_user_data(session_.get(), id));
}

int ServerConnection::add_field(ServerStream* stream, bool trailer, std::string_view name,
                                std::string_view value) {
  if (failed_) return NGHTTP2_ERR_CALLBACK_FAILURE;
  const ConnectionConf& limits = server().connection;
  block_list_size_ += uint32_t(name.size() + value.size());
  guard_.note_useful(name.size() + value.size());
  bool field_too_large = std::max(name.size(), value.size()) > limits.large_buffer_size;
  if (field_too_large || block_list_size_ > limits.large_buffer_count * limits.large_buffer_size) {
    calm("client exceeded large_client_header_buffers limit");
    return NGHTTP2_ERR_CALLBACK_FAILURE;
  }
  if (!stream || stream->refused()) return 0;
  trailer ? stream->add_trailer(name, value) : stream->add_field(name, value);
  return 0;
}

// --- Output ---

bool ServerConnection::is_full() const {
  return stream_->unsent() + frames_.size() > net::Stream::high_mark;
}

void ServerConnection::settle_later(ServerStream& stream) {
  if (!stream.ListHook<StreamsToSettle>::linked()) to_settle_.push_back(stream);
}

void ServerConnection::stop_request_later(ServerStream& stream) {
  if (!stream.ListHook<StreamsToStop>::linked()) to_stop_.push_back(stream);
  produce_later();
}

void ServerConnection::produce() {
  if (within_session_ || producing_) {
    produce_again_ = true;
    return;
  }
  producing_ = true;
  do {
    produce_again_ = false;
    within_session_ = true;
    if (std::exchange(dependencies_changed_, false)) {
      for (ServerStream& stream : streams_) stream.take_place();
    }
    while (!failed_ && is_connected() && !is_full()) {
      const uint8_t* data = nullptr;
      ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
      if (size <= 0) break;
      take_frame(text(data, size_t(size)));
    }
    within_session_ = false;
    while (!to_settle_.empty()) to_settle_.pop_front().settle();
  } while (produce_again_);
  producing_ = false;
  if (lent_) hand_over();
  if (!frames_.empty()) produce_later();
}

void ServerConnection::take_frame(std::string_view frame) {
  if (!settings_sent_ && frame[3] == NGHTTP2_SETTINGS && frame[4] == 0) {
    settings_sent_ = true;
    announce_concurrency(frame);
    return;
  }
  if (swallow_acknowledgement_ && frame == settings_acknowledgement) {
    swallow_acknowledgement_ = false;
    return;
  }
  bool block = frame[3] == NGHTTP2_HEADERS || frame[3] == NGHTTP2_CONTINUATION;
  bool ends = frame[4] & NGHTTP2_FLAG_END_HEADERS;
  if (block && (!ends || !long_block_.empty())) {
    join_block(frame, ends);
  } else {
    frames_.copy({frame.data(), frame.size()});
  }
}

// nghttp2 cuts a long header block into pieces of 16 KiB. A peer that takes larger frames gets it
// in one, if it fits, as nginx does.
void ServerConnection::join_block(std::string_view frame, bool ends) {
  bool first = long_block_.empty();
  long_block_.append(first ? frame : frame.substr(frame_head_size));
  long_block_pieces_.append(frame);
  if (!ends) return;
  size_t size = long_block_.size() - frame_head_size;
  uint32_t most =
      nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_MAX_FRAME_SIZE);
  if (size <= most) {
    for (int i = 0; i < 3; ++i) long_block_[i] = char(size >> (16 - 8 * i));
    long_block_[4] |= NGHTTP2_FLAG_END_HEADERS;
    frames_.copy({long_block_.data(), long_block_.size()});
  } else {
    frames_.copy({long_block_pieces_.data(), long_block_pieces_.size()});
  }
  long_block_ = long_block_pieces_ = std::string();
}

void ServerConnection::send_all() {
  produce();
  if (!frames_.empty()) hand_over();
}

// What is borrowed must have been sent, or copied, before its owner goes on.
void ServerConnection::hand_over() {
  lent_ = false;
  while (!frames_.empty()) {
    iovec pieces[64];
    bool more = false;
    size_t size = 0;
    for (int i = 0, count = frames_.gather(pieces, more); i < count; ++i) {
      stream_->write({static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len});
      size += pieces[i].iov_len;
    }
    stream_->flush();
    frames_.consume(size);
  }
  watch_sending();
}

}  // namespace sluice::h2
