#include "tls/record.h"

#include <cstring>

#include "base/byte_order.h"

namespace sluice::tls::record {

AssociatedData::AssociatedData(const RecordKeys& keys, std::span<const uint8_t, head_size> head,
                               size_t plaintext_size)
    : size_(keys.is_tls13() ? head_size : sizeof bytes_) {
  std::memcpy(bytes_ + size_ - head_size, head.data(), head_size);
  if (keys.is_tls13()) return;
  store_be64(bytes_, keys.sequence);
  bytes_[size_ - 2] = uint8_t(plaintext_size >> 8);
  bytes_[size_ - 1] = uint8_t(plaintext_size);
}

}  // namespace sluice::tls::record
