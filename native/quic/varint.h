#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

/// QUIC's variable-length integers (RFC 9000, 16).
namespace sluice::quic {

constexpr size_t max_varint_size = 8;

constexpr size_t varint_size(uint64_t value) {
  return value < 1ULL << 6 ? 1 : value < 1ULL << 14 ? 2 : value < 1ULL << 30 ? 4 : 8;
}

/// Returns the end.
inline uint8_t* put_varint(uint8_t* out, uint64_t value) {
  size_t size = varint_size(value);
  for (size_t i = 0; i < size; ++i) out[i] = uint8_t(value >> (8 * (size - 1 - i)));
  *out |= uint8_t((size == 1 ? 0 : size == 2 ? 1 : size == 4 ? 2 : 3) << 6);
  return out + size;
}

/// Reads one that may come in pieces.
class VarintReader {
 public:
  /// Takes from the front of `input`; true when it is complete, and the next call begins anew.
  bool read(std::span<const uint8_t>& input, uint64_t& value) {
    while (!input.empty()) {
      uint8_t byte = input.front();
      input = input.subspan(1);
      if (missing_ == 0) {
        missing_ = uint8_t(1 << (byte >> 6));
        byte &= 0x3f;
        value_ = 0;
      }
      value_ = value_ << 8 | byte;
      if (--missing_ > 0) continue;
      value = value_;
      return true;
    }
    return false;
  }
  bool begun() const { return missing_ > 0; }

 private:
  uint64_t value_ = 0;
  uint8_t missing_ = 0;
};

}  // namespace sluice::quic
