#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace h3load {

/// How long requests took, in nanoseconds; what it tells is exact to 2 %. Needs no memory per
/// request.
class Latencies {
 public:
  void add(uint64_t latency) {
    counts_[position(latency)]++;
    total_++;
    if (latency > longest_) longest_ = latency;
  }
  void add(const Latencies& others) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += others.counts_[i];
    total_ += others.total_;
    if (others.longest_ > longest_) longest_ = others.longest_;
  }

  /// So many of a hundred requests took no longer.
  uint64_t percentile(double percent) const {
    double left = double(total_) * percent / 100;
    for (size_t i = 0; i < counts_.size(); ++i) {
      left -= double(counts_[i]);
      if (left <= 0) return total_ ? value(i) : 0;
    }
    return longest_;
  }
  uint64_t longest() const { return longest_; }

 private:
  /// Each power of two is divided into so many classes.
  static constexpr unsigned step_bits = 6;
  static constexpr size_t steps = 1 << step_bits;

  static size_t position(uint64_t latency) {
    if (latency < steps) return latency;
    unsigned shift = unsigned(std::bit_width(latency)) - step_bits - 1;
    return (size_t{shift} + 1) * steps + (latency >> shift) - steps;
  }
  static uint64_t value(size_t position) {
    if (position < steps) return position;
    size_t shift = position / steps - 1;
    return (steps + position % steps) << shift;
  }

  std::array<uint64_t, (64 - step_bits + 1) * steps> counts_{};
  uint64_t total_ = 0;
  uint64_t longest_ = 0;
};

}  // namespace h3load
