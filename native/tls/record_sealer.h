#pragma once

#include <sys/uio.h>

#include "tls/keyed_cipher.h"
#include "tls/record.h"

namespace sluice::tls {

/// Makes records of plaintext.
class RecordSealer {
 public:
  explicit RecordSealer(const RecordKeys& keys) : keys_(keys) {}

  /// What a record takes that has `size` bytes of plaintext.
  size_t sealed_size(size_t size) const {
    return record::prefix_size(keys_) + size + record::suffix_size(keys_);
  }
  /// How far from a record's beginning its plaintext lies.
  size_t prefix_size() const { return record::prefix_size(keys_); }

  /// One record of `size` bytes, at most record::largest_plaintext, that `pieces` begin with, at
  /// the beginning of `out`. A piece may be the very bytes at prefix_size() there. False, when
  /// numbers have run out: nothing can be sealed any more.
  bool seal(record::Type type, std::span<const iovec> pieces, size_t size, std::span<char> out);

  /// So many records went out under one key that the next should be another (RFC 8446, 5.5).
  bool update_due() const { return keys_.is_tls13() && keys_.sequence >= most_records; }
  void update();

  bool is_tls13() const { return keys_.is_tls13(); }

 private:
  /// AES-GCM stays safe up to 2^24.5 full ones.
  static constexpr uint64_t most_records = uint64_t{1} << 24;

  RecordKeys keys_;
  KeyedCipher cipher_;
};

}  // namespace sluice::tls
