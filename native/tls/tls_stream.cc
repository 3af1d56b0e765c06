#include "tls/tls_stream.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tls/context.h"
#include "tls/key_schedule.h"
#include "tls/new_session_tickets.h"

namespace sluice::tls {

namespace {

constexpr size_t largest_record = record::largest_plaintext;

/// Decrypted bytes on their way to a consumer. As much as the stack reads at once.
std::span<char> decrypted() {
  constexpr size_t size = 256 * 1024;
  thread_local std::unique_ptr<char[]> buffer = std::make_unique_for_overwrite<char[]>(size);
  return {buffer.get(), size};
}

/// OpenSSL would keep the peer's key share as long as the connection: 7 KB with ML-KEM.
void drop_key_share(SSL* ssl) {
  EVP_PKEY* share = nullptr;
  if (!SSL_get_peer_tmp_key(ssl, &share)) return;
  KeyPtr owned(share);
  EVP_PKEY_set_type(share, EVP_PKEY_X25519);
}

/// OpenSSL would take the session of a connection that wasn't shut down for broken, and forget it.
void keep_session(SSL* ssl) { SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }

/// Of one record, as agreed on (RFC 6066, 4).
size_t largest_plaintext(SSL* ssl) {
  uint8_t code = SSL_SESSION_get_max_fragment_length(SSL_get0_session(ssl));
  return code == TLSEXT_max_fragment_length_DISABLED ? largest_record : size_t{256} << code;
}

}  // namespace

/// OpenSSL's view of the inner stream.
struct StreamBio {
  static TlsStream& stream(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int write(BIO* bio, const char* data, size_t size, size_t* written) {
    net::Stream& inner = *stream(bio).inner_;
    std::memcpy(inner.prepare(size).data(), data, size);
    stream(bio).sends_ticket() ? inner.commit_unhurried(size) : inner.commit(size);
    if (stream(bio).watch_) stream(bio).watch_->on_written({data, size});
    *written = size;
    return 1;
  }

  static int read(BIO* bio, char* data, size_t size, size_t* got) {
    TlsStream& tls = stream(bio);
    BIO_clear_retry_flags(bio);
    *got = tls.take_input({data, size});
    if (*got == 0 && !tls.inner_ended_) BIO_set_retry_read(bio);
    return *got > 0;
  }

  static long control(BIO* bio, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_EOF:
        return stream(bio).inner_ended_;
      default:
        return 0;
    }
  }

  static int create(BIO* bio) {
    BIO_set_init(bio, 1);
    return 1;
  }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
      BIO_meth_set_write_ex(method, write);
      BIO_meth_set_read_ex(method, read);
      BIO_meth_set_ctrl(method, control);
      BIO_meth_set_create(method, create);
      return method;
    }();
    return made;
  }
};

TlsStream::TlsStream(net::Stack& stack, net::StreamPtr inner, SslPtr ssl)
    : stack_(stack), inner_(std::move(inner)), ssl_(std::move(ssl)) {
  if (SSL_is_server(ssl_.get()) && Context::of(ssl_.get()).allows_own_records()) {
    watch_ = std::make_unique<HandshakeWatch>(ssl_.get());
    new_session_tickets::hold_back(ssl_.get());
  }
  BIO* bio = BIO_new(StreamBio::method());
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_.get(), bio, bio);
  inner_->set_consumer(*this);
}

TlsStream::~TlsStream() = default;

void TlsStream::start(std::span<const char> first) {
  state_ = State::handshaking;
  on_data(first);
}

void TlsStream::resume_handshake() {
  if (state_ != State::parked) return;
  state_ = State::handshaking;
  stack_.visit_later(*this);
}

// --- Input ---

void TlsStream::on_connected() {
  if (state_ == State::idle) start();
}

void TlsStream::on_data(std::span<const char> data) {
  input_ = data;
  advance();
}

size_t TlsStream::take_input(std::span<char> into) {
  size_t size = std::min(into.size(), input_.size());
  if (size) std::memcpy(into.data(), input_.data(), size);
  input_ = input_.subspan(size);
  return size;
}

// Does all that the input allows; what nobody can take yet is kept.
void TlsStream::advance() {
  bool go_on = true;
  if (state_ == State::early || (state_ == State::handshaking && early_data_accepted_)) {
    go_on = read_early_data();
  }
  if (go_on && (state_ == State::handshaking || state_ == State::finishing)) shake_hands();
  if (state_ == State::open) read();
  if (!input_.empty() && !closed_ && state_ != State::failed) {
    held_.append(input_.data(), input_.size());
    inner_->pause_reading();
  }
  input_ = {};
}

void TlsStream::visit() {
  if (broken_) {
    report_failure();
    return;
  }
  std::string input = std::exchange(held_, {});
  input_ = input;
  advance();
  if (!closed_ && !paused_ && held_.empty() && state_ != State::parked) inner_->resume_reading();
}

// OpenSSL may derive keys in the call.
template <typename Call>
int TlsStream::noting(Call call) {
  KeyScheduleNoting noting(watch_ ? &watch_->notes() : nullptr);
  return call();
}

void TlsStream::shake_hands() {
  int outcome = noting([this] { return SSL_do_handshake(ssl_.get()); });
  if (outcome == 1) {
    bool told = state_ == State::finishing;
    state_ = State::open;
    forget_recent_secrets();
    if (agreement_) take_over();
    if (!told) {
      consumer_->on_connected();
    } else if (!pending_.empty()) {
      on_writable();
    }
    return;
  }
  switch (int error = SSL_get_error(ssl_.get(), outcome)) {
    case SSL_ERROR_WANT_READ:
      return;
    case SSL_ERROR_WANT_CLIENT_HELLO_CB:
    case SSL_ERROR_WANT_X509_LOOKUP:
    case SSL_ERROR_WANT_ASYNC:
    case SSL_ERROR_WANT_RETRY_VERIFY:
      state_ = State::parked;
      return;
    default:
      fail("SSL_do_handshake()", error);
  }
}

// False: more input has to come first.
bool TlsStream::read_early_data() {
  while (!closed_ && !paused_) {
    size_t size = 0;
    std::span<char> buffer = decrypted().first(largest_record);
    switch (noting(
        [&] { return SSL_read_early_data(ssl_.get(), buffer.data(), buffer.size(), &size); })) {
      case SSL_READ_EARLY_DATA_FINISH:
        early_data_accepted_ = false;
        if (state_ == State::early) state_ = State::finishing;
        return true;
      case SSL_READ_EARLY_DATA_SUCCESS:
        if (state_ == State::handshaking) {
          state_ = State::early;
          consumer_->on_connected();
        }
        if (!closed_ && size) consumer_->on_data(buffer.first(size));
        stack_.flush();
        break;
      default:
        switch (int error = SSL_get_error(ssl_.get(), 0)) {
          case SSL_ERROR_WANT_READ:
            return false;
          case SSL_ERROR_WANT_CLIENT_HELLO_CB:
          case SSL_ERROR_WANT_X509_LOOKUP:
          case SSL_ERROR_WANT_ASYNC:
            state_ = State::parked;
            return false;
          default:
            fail("SSL_read_early_data()", error);
            return false;
        }
    }
  }
  return false;
}

void TlsStream::let_go(std::shared_ptr<Agreement> agreement) {
  agreement_ = std::move(agreement);
  if (state_ == State::open) take_over();
}

// From the handshake's end on the path of bytes is ours.
void TlsStream::take_over() {
  std::optional<RecordKeys::Both> keys;
  std::optional<std::vector<uint8_t>> tickets;
  if (watch_) {
    keys = watch_->keys();
    if (keys) tickets = new_session_tickets::make(ssl_.get(), watch_->notes().resumption.get());
    if (!tickets) {
      new_session_tickets::send_by_openssl(ssl_.get());
      keys = watch_->keys();
    }
  }
  agreement_->complete(ssl_.get());
  watch_.reset();
  if (!keys) {
    drop_key_share(ssl_.get());
    return;
  }
  size_t largest = largest_plaintext(ssl_.get());
  records_ = std::make_unique<RecordProtocol>(keys->client, keys->server, largest, *inner_);
  record_size_ = uint16_t(std::min<size_t>(record_size_, largest));
  keep_session(ssl_.get());
  ssl_.reset();
  if (tickets) records_->write_handshake(*tickets);
}

void TlsStream::read() { records_ ? read_records() : read_from_openssl(); }

void TlsStream::read_records() {
  while (state_ == State::open && !paused_ && !closed_ && !end_told_) {
    size_t size = std::max<size_t>(read_size_, RecordProtocol::most_room);
    std::span<char> room = decrypted().first(size);
    size_t filled = records_->read(input_, room);
    if (records_->owes_update()) stack_.settle_later(*this);
    if (records_->failed()) note_failure("SSL_read()", SSL_ERROR_SSL);
    if (filled) {
      consumer_->on_data(room.first(filled));
      if (closed_) return;
      // The buffer is about to be used again: bytes borrowed from it may be queued anywhere.
      stack_.flush();
    }
    if (records_->failed()) {
      report_failure();
    } else if (records_->ended()) {
      tell_end();
    } else if (input_.empty()) {
      if (inner_ended_) tell_end();
      return;
    }
  }
}

void TlsStream::read_from_openssl() {
  while (state_ == State::open && !paused_ && !closed_ && !end_told_) {
    std::span<char> room = decrypted().first(read_size_);
    size_t filled = 0;
    int error = SSL_ERROR_NONE;
    do {
      size_t size = 0;
      if (!SSL_read_ex(ssl_.get(), room.data() + filled, room.size() - filled, &size)) {
        error = SSL_get_error(ssl_.get(), 0);
      }
      filled += size;
    } while (error == SSL_ERROR_NONE && filled < room.size() && more_to_read());
    if (error != SSL_ERROR_NONE && error != SSL_ERROR_WANT_READ) note_failure("SSL_read()", error);
    if (filled) {
      consumer_->on_data(room.first(filled));
      if (closed_) return;
      // The buffer is about to be used again: bytes borrowed from it may be queued anywhere.
      stack_.flush();
    }
    if (error == SSL_ERROR_ZERO_RETURN) {
      tell_end();
      return;
    }
    if (error == SSL_ERROR_WANT_READ || (error == SSL_ERROR_NONE && !more_to_read())) {
      // OpenSSL would keep 17 KB until it is asked to read and there is nothing.
      SSL_free_buffers(ssl_.get());
      return;
    }
    if (error != SSL_ERROR_NONE) {
      report_failure();
      return;
    }
  }
}

bool TlsStream::more_to_read() const {
  return !input_.empty() || inner_ended_ || (ssl_ && SSL_pending(ssl_.get()) > 0);
}

// RFC 8446, 4.6.1: the client waits for nothing of it, and will be sent an answer soon.
bool TlsStream::sends_ticket() const {
  return SSL_get_state(ssl_.get()) == TLS_ST_SW_SESSION_TICKET &&
         SSL_version(ssl_.get()) == TLS1_3_VERSION;
}

void TlsStream::tell_end() {
  if (std::exchange(end_told_, true)) return;
  consumer_->on_end();
}

void TlsStream::on_end() {
  inner_ended_ = true;
  // What is held comes first.
  if (held_.empty() && !paused_) advance();
}

void TlsStream::on_error(int error) {
  state_ = State::failed;
  consumer_->on_error(error);
}

void TlsStream::pause_reading() {
  paused_ = true;
  inner_->pause_reading();
}

void TlsStream::resume_reading() {
  if (!std::exchange(paused_, false)) return;
  if (!held_.empty() || more_to_read()) {
    stack_.visit_later(*this);
  } else {
    inner_->resume_reading();
  }
}

void TlsStream::set_read_size(size_t size) {
  read_size_ = uint32_t(std::clamp<size_t>(size, 1, decrypted().size()));
  inner_->set_read_size(size);
}

// --- Failure ---

void TlsStream::note_failure(const char* call, int ssl_error) {
  if (ssl_error == SSL_ERROR_ZERO_RETURN) return;
  // What the peer has sent is to blame, or what we can't do.
  ours_ = ERR_peek_last_error() && ERR_GET_LIB(ERR_peek_last_error()) != ERR_LIB_SSL;
  std::string errors = take_errors();
  if (!errors.empty()) failure_ = std::string(call) + " failed" + errors;
}

void TlsStream::report_failure() {
  state_ = State::failed;
  if (agreement_) {
    agreement_->failure = failure_;
    agreement_->failure_is_ours = ours_;
  }
  if (records_) agreement_->forget_failed_session();
  consumer_->on_error(failure_.empty() ? ECONNRESET : EPROTO);
}

void TlsStream::fail(const char* call, int ssl_error) {
  note_failure(call, ssl_error);
  report_failure();
}

// --- The end ---

void TlsStream::close() {
  if (closed_) return;
  encrypt();
  if (connected()) send_close_notify();
  end(false);
}

void TlsStream::reset() {
  if (!closed_) end(true);
}

void TlsStream::end(bool abruptly) {
  closed_ = true;
  if (ssl_ && state_ != State::failed) keep_session(ssl_.get());
  pending_.clear();
  abruptly ? inner_.release()->reset() : inner_.reset();
  stack_.bury(std::unique_ptr<net::Layer>(this));
}

}  // namespace sluice::tls
