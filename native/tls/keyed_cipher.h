#pragma once

#include "tls/record_keys.h"

namespace sluice::tls {

/// A cipher that has a direction's key. With key schedule and tables it is a kilobyte, so it is
/// lent: a thread has a number of them, and who has been idle for long gives way to who is busy.
class KeyedCipher {
 public:
  KeyedCipher() = default;
  KeyedCipher(const KeyedCipher&) = delete;
  KeyedCipher& operator=(const KeyedCipher&) = delete;
  ~KeyedCipher() { drop(); }

  /// For one record. `tag`: what it has to come to when it is opened; empty: one is sealed. Null:
  /// OpenSSL has no memory.
  EVP_CIPHER_CTX* begin(const RecordKeys& keys, const Nonce& nonce,
                        std::span<const uint8_t> tag = {});
  /// Forgets the key: another one is in force.
  void drop();

 private:
  struct Slot;
  class Slots;

  Slot* slot_ = nullptr;
};

}  // namespace sluice::tls
