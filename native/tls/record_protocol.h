#pragma once

#include <array>

#include "net/stack.h"
#include "tls/record_opener.h"
#include "tls/record_sealer.h"

namespace sluice::tls {

/// What a server's connection is once its handshake is done: records both ways over the stream
/// below, and what they say beside data: alerts (RFC 8446, 6), key updates (4.6.3), a client that
/// would begin a handshake again (RFC 5246, 7.4.1.1). What a client gets wrong is told in OpenSSL's
/// words, and ends the connection.
class RecordProtocol {
 public:
  /// `largest`: the most plaintext of a record that was agreed on (RFC 6066, 4).
  RecordProtocol(const RecordKeys& client, const RecordKeys& server, size_t largest,
                 net::Stream& below)
      : opener_(client, largest), sealer_(server), below_(below), largest_(uint16_t(largest)) {}

  /// Opens records that `input` begins with, takes them from there, and puts what data they have
  /// into `room`, of most_room bytes at least, as long as another one fits; says how much it is.
  /// With input left there is more to read, unless ended() or failed().
  size_t read(std::span<const char>& input, std::span<char> room);
  static constexpr size_t most_room = RecordOpener::most_room;
  /// The client has said that nothing more comes (close_notify).
  bool ended() const { return state_ == State::ended; }
  /// Nothing more can be read. Why is in this thread's queue of OpenSSL's errors; the client has
  /// been told.
  bool failed() const { return state_ == State::failed; }

  /// The most data of one record.
  size_t largest() const { return largest_; }
  /// Room in the stream below for a record of so much data, and where the data lies in it. `ahead`:
  /// how much more is about to follow.
  std::span<char> prepare(size_t size, size_t ahead);
  std::span<char> data_in(std::span<char> prepared) const {
    return prepared.subspan(sealer_.prefix_size());
  }
  /// Makes the prepared record of what `pieces` begin with; they may be the data in it. False: none
  /// can be made any more.
  bool write(std::span<const iovec> pieces, size_t size, std::span<char> prepared);
  /// Messages that belong to the handshake and come after it (RFC 8446, 4.6.1). Nobody waits for
  /// them: they leave along with what is written next.
  void write_handshake(std::span<const uint8_t> messages);
  void write_close_notify();
  /// The client wants our keys updated, too. One answer does, however often it has asked.
  bool owes_update() const { return owes_update_; }
  void answer_update();

 private:
  enum class State : uint8_t { open, ended, failed };
  using Content = std::span<const char>;

  void handle(const RecordOpener::Record& record);
  void on_alert(Content content);
  void on_handshake(Content content);
  void on_renegotiation();
  void on_key_update(uint8_t request);
  bool is_too_much();
  void fail(uint8_t alert, int reason);
  size_t seal(record::Type type, std::span<const uint8_t> content);
  bool send(record::Type type, std::span<const uint8_t> content);
  void send_alert(uint8_t level, uint8_t alert);
  bool update_own_keys();

  RecordOpener opener_;
  RecordSealer sealer_;
  net::Stream& below_;
  std::array<uint8_t, 5> message_{};  ///< what has come of a KeyUpdate
  uint8_t message_size_ = 0;
  uint8_t without_data_ = 0;  ///< records since the last one that had data
  State state_ = State::open;
  bool owes_update_ = false;
  uint16_t largest_;
};

}  // namespace sluice::tls
