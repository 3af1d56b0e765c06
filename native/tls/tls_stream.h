#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "net/out_queue.h"
#include "net/stack.h"
#include "tls/agreement.h"
#include "tls/handshake_watch.h"
#include "tls/record_protocol.h"

namespace sluice::tls {

/// TLS over another stream, either side of it. OpenSSL shakes hands; a server's records are its own
/// from then on. Bytes are decrypted into one buffer per thread; what an event has written becomes
/// as few records as possible, and leaves at the event's end. An idle stream holds no buffer of its
/// own.
class TlsStream final : public net::Stream, public net::Layer, private net::Stream::Consumer {
 public:
  using Consumer = net::Stream::Consumer;

  /// Over a stream that is connected, or connecting. `ssl` knows its side
  /// (SSL_set_accept_state() or SSL_set_connect_state()). Set a consumer, then start().
  TlsStream(net::Stack& stack, net::StreamPtr inner, SslPtr ssl);
  ~TlsStream() override;

  /// Begins the handshake, with `first`: bytes that have been read already. on_connected() says
  /// that it is done, on_error() that it failed. Any of them may come within the call.
  void start(std::span<const char> first = {});
  /// Goes on with a handshake that a callback of OpenSSL has paused (SSL_CLIENT_HELLO_RETRY and the
  /// like), once what it waits for is there. on_connected() comes later, never within the call.
  void resume_handshake();
  bool connected() const { return state_ == State::open || early(); }

  /// Null once let_go() has had its effect.
  SSL* ssl() const { return ssl_.get(); }
  /// Of a server's, when its handshake is done, or early data comes: nobody asks OpenSSL any more.
  /// As soon as it isn't needed for the handshake it goes, unless records have to stay its own
  /// (HandshakeWatch says when). The agreement is completed then.
  void let_go(std::shared_ptr<Agreement> agreement);
  net::Stream& inner() { return *inner_; }
  /// Why the handshake or the connection failed, in OpenSSL's and nginx's words: `SSL_read() failed
  /// (SSL: error:…)`; empty when it is the errno alone that tells.
  const std::string& failure() const { return failure_; }
  /// Whether something of ours went wrong, and not what the peer said.
  bool failure_is_ours() const { return ours_; }

  /// The most plaintext in one record (ssl_buffer_size), up to 16 KiB.
  void set_record_size(size_t size);
  /// Lets data come before the handshake is complete (RFC 8446, 2.3); a server's, before start().
  void accept_early_data() { early_data_accepted_ = true; }
  /// Whether what comes now may be a replay: $ssl_early_data.
  bool early() const { return state_ == State::early || state_ == State::finishing; }

  // net::Stream
  void set_consumer(Consumer& consumer) override { consumer_ = &consumer; }
  void write(std::span<const char> bytes) override;
  std::span<char> prepare(size_t size) override { return pending_.prepare(size); }
  void commit(size_t size) override;
  void write_file(FileRef file, uint64_t offset, uint64_t length) override;
  void flush() override;
  size_t unsent() const override { return pending_.size() + inner_->unsent(); }
  uint64_t last_sent_ms() const override { return inner_->last_sent_ms(); }
  void pause_reading() override;
  void resume_reading() override;
  void set_read_size(size_t size) override;
  void end_writing() override { ending_ = true; }
  void shutdown_write() override;
  void close() override;
  void reset() override;
  const net::Address& remote_address() const override { return inner_->remote_address(); }
  const net::Address& local_address() override { return inner_->local_address(); }
  void set_no_delay(bool on) override { inner_->set_no_delay(on); }
  void set_keepalive(bool on) override { inner_->set_keepalive(on); }

 private:
  enum class State : uint8_t {
    idle,  ///< not started
    handshaking,
    parked,     ///< in a handshake that a callback has paused
    early,      ///< the client's early data is being read
    finishing,  ///< all early data has come, the client's Finished has not
    open,
    failed,  ///< only closing is left
  };

  // net::Stream::Consumer, of the inner stream
  void on_connected() override;
  void on_data(std::span<const char> data) override;
  void on_end() override;
  void on_writable() override;
  void on_error(int error) override;

  // net::Layer
  void settle() override;
  void visit() override;

  friend struct StreamBio;
  size_t take_input(std::span<char> into);
  void advance();
  template <typename Call>
  int noting(Call call);
  void shake_hands();
  bool read_early_data();
  void take_over();
  void read();
  void read_records();
  void read_from_openssl();
  bool more_to_read() const;
  bool sends_ticket() const;
  void tell_end();

  /// Notes why, from OpenSSL's queue of errors. `call`: the function that failed.
  void note_failure(const char* call, int ssl_error);
  void report_failure();
  void fail(const char* call, int ssl_error);

  void encrypt();
  size_t write_record();
  size_t write_record_to_openssl();
  std::span<const char> gather(size_t limit);
  bool read_file(const net::OutQueue::FilePart& part, std::span<char> into);
  size_t next_record_size();
  void send_close_notify();
  void end(bool abruptly);

  net::Stack& stack_;
  net::StreamPtr inner_;
  SslPtr ssl_;
  std::unique_ptr<HandshakeWatch> watch_;    ///< null: OpenSSL keeps the records
  std::unique_ptr<RecordProtocol> records_;  ///< our own, then without ssl_
  std::shared_ptr<Agreement> agreement_;     ///< null: nobody has let go yet
  Consumer* consumer_ = nullptr;
  net::OutQueue pending_;        ///< plaintext that is still to be encrypted
  std::span<const char> input_;  ///< ciphertext of the event in progress
  std::string held_;             ///< ciphertext that nobody could take yet
  std::string failure_;
  uint64_t last_write_ms_ = 0;
  uint32_t burst_ = 0;  ///< bytes written since the stream was idle
  uint32_t read_size_ = 16 * 1024;
  uint16_t record_size_ = 16 * 1024;
  State state_ = State::idle;
  bool early_data_accepted_ = false;
  bool paused_ = false;
  bool closed_ = false;
  bool inner_ended_ = false;
  bool end_told_ = false;
  bool ending_ = false;
  bool shutdown_wanted_ = false;
  bool notified_ = false;  ///< our close_notify is out
  bool broken_ = false;    ///< writing has failed, and nobody knows yet
  bool ours_ = false;      ///< the failure is not the peer's fault
};

}  // namespace sluice::tls
