#pragma once

#include <string>

#include "tls/keyed_cipher.h"
#include "tls/record.h"

namespace sluice::tls {

/// Makes plaintext of records. Keeps what has come of one that isn't whole yet.
class RecordOpener {
 public:
  /// `largest`: the most plaintext that was agreed on (RFC 6066, 4).
  RecordOpener(const RecordKeys& keys, size_t largest) : keys_(keys), largest_(largest) {}

  struct Record {
    record::Type type;
    std::span<char> content;
  };
  enum class Outcome : uint8_t {
    incomplete,  ///< all of the input was taken, and is not a whole record
    record,
    refused,  ///< as fault() says; nothing more can be opened
  };
  /// Opens the record that `input` begins with, or that it completes, and takes it from there. The
  /// content lies at the beginning of `room`, which has to have room_for(input) bytes.
  Outcome open(std::span<const char>& input, std::span<char> room, Record& opened);
  size_t room_for(std::span<const char> input) const;
  static constexpr size_t most_room = SSL3_RT_MAX_TLS13_ENCRYPTED_LENGTH;

  struct Fault {
    uint8_t alert;  ///< what the peer is to be told
    int reason;     ///< OpenSSL's SSL_R_…
  };
  const Fault& fault() const { return fault_; }

  /// The peer's next key.
  void update();
  bool is_tls13() const { return keys_.is_tls13(); }

 private:
  bool accept_head(const uint8_t* head, size_t length);
  Outcome decrypt(std::span<const char> whole, std::span<char> room, Record& opened);
  Outcome refuse(uint8_t alert, int reason);

  RecordKeys keys_;
  KeyedCipher cipher_;
  std::string partial_;  ///< the beginning of a record
  Fault fault_{};
  uint16_t largest_;
};

}  // namespace sluice::tls
