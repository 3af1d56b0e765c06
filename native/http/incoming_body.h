#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/timer.h"
#include "proxy/data_thread.h"

namespace sluice {
class Exchange;
}

namespace sluice::http {

struct FieldRules;

/// The body of a request that has a stream of its own (HTTP/2, HTTP/3), between codec and exchange:
/// keeps what comes before it is wanted, checks its length, runs client_body_timeout. After
/// upgrade() it is the client's half of a tunnel.
class IncomingBody final : private DataThread::TurnEnd {
 public:
  /// What it comes by.
  class Stream {
   public:
    /// So many bytes are done with: the client may send as many more.
    virtual void consumed(size_t bytes) = 0;
    /// The request is malformed (RFC 9113 section 8.1.1, RFC 9114 section 4.1.2). Whoever does so
    /// again and again has us give up what was begun just as well as by resetting it.
    virtual void note_malformed() = 0;
    /// …and it is too late to answer so: exchange and stream end.
    virtual void break_off() = 0;
    virtual void on_body_timeout() = 0;

   protected:
    ~Stream() = default;
  };
  IncomingBody(Exchange& exchange, Stream& stream);

  // --- From the codec ---
  /// Bytes of the body, which stay until the event's end if `is_passed_on()`.
  void on_data(std::span<const char> data);
  /// The stream's end comes with the next bytes, so many at most.
  void on_last_data(size_t most);
  /// A field behind the body; does nothing for a request that is over, or done with its body.
  void add_trailer(std::string_view name, std::string_view value, const FieldRules& rules);
  /// The client has sent all.
  void on_end();
  /// There is no body.
  void none() { ended_ = end_told_ = true; }
  /// The client has given up before the end.
  void cut_short();

  bool ended() const { return ended_; }
  uint64_t received() const { return received_; }
  bool is_tunnel() const { return tunnel_; }
  /// Others may borrow the bytes of on_data().
  bool is_passed_on() const;

  // --- From the exchange, by http::Downstream ---
  void read(bool on);
  void discard();
  void upgrade();
  /// The exchange is over.
  void stop();

 private:
  // DataThread::TurnEnd: what came before it was wanted
  void on_turn_end() override;

  void deliver(std::span<const char> data);
  void tell_end();
  void fail(const char* message);
  void on_timeout() { stream_.on_body_timeout(); }
  void wait();

  Exchange* exchange_;  ///< null: over
  Stream& stream_;
  std::string early_;  ///< came before it was wanted
  Timer timer_;
  uint64_t received_ = 0;
  bool wanted_ = false;
  bool ended_ = false;
  bool end_told_ = false;
  bool tunnel_ = false;
};

}  // namespace sluice::http
