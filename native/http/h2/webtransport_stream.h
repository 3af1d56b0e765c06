#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/intrusive_list.h"
#include "http/webtransport.h"

namespace sluice::h2 {

class WebTransportSession;

/// A stream of a WebTransport session (draft-ietf-webtrans-http2-14, 5.2): what goes and comes of
/// it by capsules of its number.
class WebTransportStream final : public http::WebTransportStream,
                                 public ListHook<struct StreamsWithCapsules> {
 public:
  using Bytes = std::span<const uint8_t>;

  WebTransportStream(WebTransportSession& session, uint64_t id, bool is_ours, uint64_t window,
                     uint64_t client_window);

  static constexpr bool is_bidirectional(uint64_t id) { return (id & 2) == 0; }

  const uint64_t id;
  const bool ours;

  // --- What the client says ---
  enum class Reception : uint8_t {
    wanted,    ///< for the session
    dropped,   ///< nobody wants it any more
    over_end,  ///< it should not have come
    over_window,
  };
  Reception receive(size_t bytes, bool end);
  /// Of a client that says how much it has sent before.
  Reception on_reset(uint64_t size);
  /// Gives up our side in turn. False: that is over anyway.
  bool on_stopped(uint32_t code);
  /// False: less than before.
  bool set_client_window(uint64_t most);
  /// Both sides have come to their ends.
  bool is_over() const { return receiving_ != Receiving::open && sending_over_; }

  // --- On the way out ---
  /// The first capsule of one that we open has nothing to wait for.
  void announce();
  struct Sent {
    size_t bytes = 0;
    bool finished = false;
  };
  /// Appends what it has to say, `most` bytes of its data at most.
  Sent append(std::string& capsules, uint64_t most);
  /// Whether it has more to say by now, if the session's window had room.
  bool has_capsules() const;
  bool has_data() const { return !unsent_.empty() && !reset_wanted_; }

  // http::WebTransportStream
  void write(Bytes bytes) override;
  void finish() override;
  void reset(uint32_t code) override;
  void stop(uint32_t code) override;
  void consume(size_t bytes) override;

 private:
  enum class Receiving : uint8_t {
    open,
    ended,
    given_up,  ///< by the client, or by us: what still comes counts against the session's window
  };
  bool wants_window() const;

  WebTransportSession& session_;
  std::string unsent_;
  const uint64_t window_;  ///< bytes that the client may be ahead of the handler
  uint64_t allowed_;       ///< …and may have sent by now
  uint64_t received_ = 0;
  uint64_t used_ = 0;
  uint64_t client_window_;
  uint64_t told_window_ = 0;  ///< the last one that the client has named
  uint64_t sent_ = 0;
  uint64_t blocked_at_ = UINT64_MAX;  ///< the client's window of which it was told that it is full
  uint32_t reset_code_ = 0;
  uint32_t stop_code_ = 0;
  Receiving receiving_;
  bool announced_;
  bool sending_over_;
  bool stopped_ = false;  ///< we want no more
  bool stop_wanted_ = false;
  bool reset_wanted_ = false;
  bool finished_ = false;  ///< nothing follows what is unsent
};

}  // namespace sluice::h2
