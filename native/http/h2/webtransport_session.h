#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/intrusive_list.h"
#include "http/capsule.h"
#include "http/h2/webtransport_stream.h"
#include "http/h2/webtransport_windows.h"
#include "http/webtransport.h"
#include "quic/varint.h"

namespace sluice::h2 {

/// A WebTransport session over HTTP/2 (draft-ietf-webtrans-http2-14): its streams and datagrams are
/// capsules of its CONNECT stream. What a client may send ahead of the handler its windows say;
/// they grow as the handler reads.
class WebTransportSession final : public http::WebTransportCarrier {
 public:
  using Bytes = std::span<const uint8_t>;

  /// The HTTP/2 stream that it goes by.
  class Host {
   public:
    /// Calls produce(), once whatever runs now is done.
    virtual void produce_later() = 0;
    /// Resets the stream.
    virtual void fail(uint32_t error) = 0;
    /// Those of the connection.
    virtual size_t sessions() const = 0;

   protected:
    ~Host() = default;
  };

  /// What comes: of streams of either kind, so many, each ahead by so many bytes. The session's own
  /// window holds all of theirs, as a QUIC connection's.
  struct Limits {
    uint32_t streams;
    uint32_t stream_window;
    uint64_t window() const { return uint64_t(2) * streams * stream_window; }
  };
  /// Whose a stream is and which way it goes its number says (RFC 9000, 2.1).
  /// @fails-components/webtransport has its clients open those that are the server's in QUIC;
  /// `swapped` if so, as far as it is known. A client's first stream shows it, too.
  WebTransportSession(Host& host, const Limits& limits, const WebTransportWindows& client,
                      bool swapped);

  /// Makes capsules of what there is, as long as the HTTP/2 stream has room.
  void produce();
  /// The session exists and isn't over; null if not.
  http::WebTransportSession* owner() { return owner_; }

  // --- From its streams ---
  void wants_to_send(WebTransportStream& stream);

  // http::WebTransportCarrier
  size_t sessions() const override { return host_.sessions(); }
  bool is_reliable() const override { return true; }
  void begin(http::WebTransportSession& owner) override { owner_ = &owner; }
  WebTransportStream* open(bool bidirectional) override;
  void consume(size_t bytes) override;
  void send_datagram(Bytes bytes, size_t most) override;
  size_t max_datagram_size() const override { return largest_datagram; }
  void on_forgotten(bool bidirectional) override;
  const char* receive(Bytes bytes) override;
  void on_room() override { host_.produce_later(); }
  void flush() override { produce(); }
  void end() override;

 private:
  struct Fault {
    uint32_t error;  ///< of HTTP/2
    const char* text;
  };
  static const Fault invalid;
  static const Fault wrong_stream;
  static const Fault beyond_limit;

  /// Longer datagrams are dropped.
  static constexpr size_t largest_datagram = 16 * 1024;
  /// What goes to the HTTP/2 stream at once.
  static constexpr size_t batch_size = 32 * 1024;

  static http::CapsuleUse use_of(http::CapsuleType type, uint64_t length);
  void fail(const Fault& fault) { fault_ = &fault; }

  // --- What comes ---
  void on_capsule(http::CapsuleType type, Bytes payload);
  void on_piece();
  void on_reset_stream(uint64_t id, Bytes rest);
  void on_stop_sending(uint64_t id, Bytes rest);
  void on_max_stream_data(uint64_t id, Bytes rest);
  void on_max_data(uint64_t most);
  void on_max_streams(bool bidirectional, uint64_t most);
  /// The stream that the client speaks of, which it may open thereby. Null: it is over, or `fault_`
  /// says what is wrong with it.
  WebTransportStream* receiving(uint64_t id);
  WebTransportStream* sending(uint64_t id);
  WebTransportStream* find(uint64_t id);
  bool reach(uint64_t id, bool client_sends);
  uint64_t number(uint64_t position, bool bidirectional, bool ours) const;
  bool is_ours(uint64_t id) const { return ((id & 1) != 0) != swapped_; }
  WebTransportStream& add(uint64_t id);
  /// Forgets the stream if it is over.
  void settle(WebTransportStream& stream);

  // --- What goes ---
  void append_limits(std::string& capsules);
  void append_streams(std::string& capsules);
  bool wants_window() const { return allowed_ - used_ <= limits_.window() / 2; }
  bool wants_streams(bool bidirectional) const;

  Host& host_;
  const Limits limits_;
  const WebTransportWindows client_;
  http::WebTransportSession* owner_ = nullptr;
  const Fault* fault_ = nullptr;
  http::CapsuleReader capsules_{use_of};
  quic::VarintReader stream_number_;  ///< of the stream whose data comes
  uint64_t current_ = 0;
  bool named_ = false;  ///< current_ is complete
  bool swapped_;        ///< clients' streams have odd numbers
  std::unordered_map<uint64_t, std::unique_ptr<WebTransportStream>> streams_;
  IntrusiveList<WebTransportStream, StreamsWithCapsules> ready_;
  std::deque<std::string> datagrams_;
  uint64_t allowed_;  ///< bytes that the client may have sent
  uint64_t received_ = 0;
  uint64_t used_ = 0;
  uint64_t client_window_;
  uint64_t told_window_ = 0;
  uint64_t sent_ = 0;
  uint64_t blocked_at_ = UINT64_MAX;
  // By direction: one way, both ways.
  uint64_t allowed_streams_[2];
  uint64_t client_streams_[2] = {0, 0};  ///< that it has opened
  uint64_t forgotten_[2] = {0, 0};       ///< …and that are no more
  uint64_t our_limit_[2];
  uint64_t told_limit_[2] = {0, 0};
  uint64_t our_streams_[2] = {0, 0};
  uint64_t blocked_limit_[2] = {UINT64_MAX, UINT64_MAX};  ///< that was found to be too low
  bool streams_blocked_[2] = {false, false};              ///< …which has to be said
};

}  // namespace sluice::h2
