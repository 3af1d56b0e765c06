#include "tls/keyed_cipher.h"

#include <openssl/core_names.h>

#include <utility>
#include <vector>

namespace sluice::tls {

struct KeyedCipher::Slot {
  CipherPtr context{EVP_CIPHER_CTX_new()};
  KeyedCipher* holder = nullptr;
};

/// A thread's, as many as are in use at once, up to a limit: then the one that was lent first goes
/// to the next.
class KeyedCipher::Slots {
 public:
  static Slots& of_thread() {
    thread_local Slots slots;
    return slots;
  }

  Slot& lend(KeyedCipher& to) {
    Slot* slot = take();
    if (slot->holder) slot->holder->slot_ = nullptr;
    slot->holder = &to;
    return *slot;
  }

  // Nothing of a key stays.
  void give_back(Slot& slot) {
    slot.holder = nullptr;
    EVP_CIPHER_CTX_reset(slot.context.get());
    free_.push_back(&slot);
  }

 private:
  /// Both directions of so many busy connections that re-keying costs them little (0.3 µs).
  static constexpr size_t limit = 512;

  Slot* take() {
    if (!free_.empty()) {
      Slot* slot = free_.back();
      free_.pop_back();
      return slot;
    }
    if (slots_.size() < limit) return slots_.emplace_back(std::make_unique<Slot>()).get();
    return slots_[next_++ % limit].get();
  }

  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  size_t next_ = 0;
};

EVP_CIPHER_CTX* KeyedCipher::begin(const RecordKeys& keys, const Nonce& nonce,
                                   std::span<const uint8_t> tag) {
  const EVP_CIPHER* cipher = nullptr;
  const uint8_t* key = nullptr;
  if (!slot_) {
    slot_ = &Slots::of_thread().lend(*this);
    // To name the same one again would have it allocated anew.
    const EVP_CIPHER* before = EVP_CIPHER_CTX_get0_cipher(slot_->context.get());
    if (before != keys.suite->aead) cipher = keys.suite->aead;
    key = keys.key.data();
  }
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG,
                                        const_cast<uint8_t*>(tag.data()), tag.size()),
      OSSL_PARAM_construct_end()};
  bool seal = tag.empty();
  EVP_CIPHER_CTX* context = slot_->context.get();
  return EVP_CipherInit_ex2(context, cipher, key, nonce.data(), seal, seal ? nullptr : parameters)
             ? context
             : nullptr;
}

void KeyedCipher::drop() {
  if (slot_) Slots::of_thread().give_back(*std::exchange(slot_, nullptr));
}

}  // namespace sluice::tls
