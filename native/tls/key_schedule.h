#pragma once

#include <openssl/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace sluice::tls {

/// TLS13-KDF: derives the keys of TLS 1.3 (RFC 8446, 7.1). OpenSSL's own looks up algorithms by
/// name and allocates for each of two dozen keys a handshake.
const OSSL_ALGORITHM* key_derivations();

/// Of handshakes of this thread: to be called when one is done.
void forget_recent_secrets();

/// What a key schedule comes to: all that a connection goes on with. Cleansed when it goes.
class KeyScheduleNotes {
 public:
  class Secret {
   public:
    /// Empty where it wasn't derived.
    std::span<const uint8_t> get() const { return std::span(bytes_).first(size_); }
    void set(std::span<const uint8_t> secret) {
      size_ = secret.size() > bytes_.size() ? 0 : uint8_t(secret.size());
      std::copy_n(secret.begin(), size_, bytes_.begin());
    }

   private:
    std::array<uint8_t, 48> bytes_;
    uint8_t size_ = 0;
  };
  /// A secret for application data, and what protects the first records under it (RFC 8446, 7.3).
  struct Traffic {
    Secret secret, key, iv;
  };

  Traffic client, server;
  Secret resumption;  ///< what the secrets of session tickets come from (RFC 8446, 4.6.1)

  KeyScheduleNotes() = default;
  KeyScheduleNotes(const KeyScheduleNotes&) = delete;
  KeyScheduleNotes& operator=(const KeyScheduleNotes&) = delete;
  ~KeyScheduleNotes();

  void on_derived(std::span<const uint8_t> label, std::span<const uint8_t> out);

 private:
  Traffic* latest_ = nullptr;  ///< whose key and IV come next
};

/// As long as one lives, what this thread's handshake derives is noted.
class KeyScheduleNoting {
 public:
  /// Null: nobody wants to know.
  explicit KeyScheduleNoting(KeyScheduleNotes* notes);
  ~KeyScheduleNoting();
  KeyScheduleNoting(const KeyScheduleNoting&) = delete;
  KeyScheduleNoting& operator=(const KeyScheduleNoting&) = delete;
};

}  // namespace sluice::tls
