#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/downstream.h"
#include "http/h1/body_reader.h"
#include "http/h1/request_parser.h"
#include "http/h1/response_framer.h"
#include "net/stack.h"
#include "proxy/data_thread.h"

namespace sluice::h1 {

/// A client's HTTP/1 connection: one exchange after the other (RFC 9112 section 9). While it waits
/// for a request it holds no buffer; what a client sends ahead of its turn stays in the socket,
/// save for what one read has brought.
class ServerConnection final : public ClientConnection,
                               public http::Downstream,
                               private net::Stream::Consumer,
                               private DataThread::TurnEnd {
 public:
  /// Takes the connection over. `first`: bytes that were read to find out that it speaks HTTP/1.
  static void accept(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
                     const http::ConnectionFacts& facts, std::string_view first = {});
  ServerConnection(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
                   const http::ConnectionFacts& facts);
  ~ServerConnection() override;

  // ClientConnection
  void drain() override;
  void terminate() override;

 private:
  /// The most bytes of one read: little while nothing is known, more for bodies and tunnels.
  static constexpr size_t head_read_size = 16 * 1024;
  static constexpr size_t body_read_size = 256 * 1024;

  enum class State : uint8_t {
    waiting,     ///< for the first byte of a request
    head,        ///< part of a head is there
    exchange,    ///< an exchange is in progress, its body perhaps still coming
    discarding,  ///< answered; the rest of the request's body is read and dropped
    tunnel,      ///< upgraded: raw bytes
    lingering,   ///< closing: what the client still sends is read and dropped
    closed,
  };

  // net::Stream::Consumer
  void on_data(std::span<const char> data) override;
  void on_end() override;
  void on_writable() override;
  void on_error(int error) override;

  // http::Downstream
  void send_informational(uint16_t status, const http::HeaderList& headers) override;
  void send_head(Exchange& exchange, bool no_body) override;
  void send_body(const http::Piece& piece) override;
  void flush() override;
  size_t unsent() const override;
  int direct_descriptor() override;
  void sent_directly(uint64_t bytes) override;
  void await_room() override { stream_->await_room(); }
  void read_body(bool on) override;
  bool discard_body() override;
  void upgrade() override;
  void finished(Exchange& exchange, bool keep) override;
  http::ConnectionFacts& connection() override { return facts_; }

  // DataThread::TurnEnd: input that waited in buffer_ gets its turn
  void on_turn_end() override;

  void process_buffered();
  void process(std::string_view input);
  bool process_head(std::string_view& input);
  void limit_head_time();
  bool process_body(std::string_view& input);
  bool discard_rest(std::string_view& input);
  void start_exchange(std::string_view head);
  void refuse_head(std::string_view bytes);
  void refuse(const http::Refusal& refusal);
  void make_exchange();
  void make_partial_exchange(std::string_view bytes);
  void keep(std::string_view input);
  void wait_for_request();
  void end_request(bool keep_alive);
  void linger();
  bool extend_lingering();
  void give_up_on_client();
  void close();
  void abort_exchange(uint16_t status);
  void on_read_timeout();
  void on_send_timeout();
  void watch_sending();
  void log_waiting(LogLevel level, int error, std::string_view text);
  void log_leave();
  const ErrorLog& error_log() const;
  const ConnectionConf& conf() const;

  DataThread& thread_;
  net::StreamPtr stream_;
  http::ConnectionFacts facts_;
  std::string remote_text_;
  std::string buffer_;                   ///< input that could not be used yet
  std::string_view* in_hand_ = nullptr;  ///< what process() is going through
  std::unique_ptr<Exchange> exchange_;
  HeadLimits limits_;
  std::optional<RequestScanner> scanner_;
  BodyReader body_;
  ResponseFramer framer_;
  Timer read_timer_;
  Timer send_timer_;
  uint64_t linger_until_ms_ = 0;
  uint32_t keepalive_left_ms_ = 0;  ///< once the connection is no longer reserved_
  State state_ = State::waiting;
  bool processing_ = false;
  bool body_wanted_ = false;
  bool body_ended_ = true;
  bool client_closed_ = false;
  bool no_delay_ = false;
  bool keep_after_discard_ = false;
  bool reserved_ = false;     ///< waiting, and keepalive_min_timeout isn't over
  bool lost_ = false;         ///< a message was malformed: what comes after it is nobody's
  bool fresh_input_ = false;  ///< something has come since the last request ended
};

}  // namespace sluice::h1
