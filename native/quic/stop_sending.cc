#include "quic/stop_sending.h"

#include <array>

#include "quic/varint.h"

namespace sluice::quic {
namespace {

/// What lies behind a frame's type (RFC 9000, 19; RFC 9221, 4).
struct Layout {
  enum class Tail : uint8_t { none, bytes, counted, rest };
  bool known = false;
  uint8_t numbers = 0;  ///< variable-length integers
  Tail tail = Tail::none;
  uint8_t size = 0;  ///< of a tail of so many bytes; a counted one's size is the last number
};

constexpr uint8_t padding = 0x00, ack = 0x02, ack_ecn = 0x03, stop_sending = 0x05, stream = 0x08;
constexpr uint8_t new_connection_id = 0x18;
constexpr uint8_t stream_length = 0x02, stream_offset = 0x04;
constexpr size_t reset_token_size = 16;

constexpr std::array<Layout, 0x32> layouts = [] {
  using Tail = Layout::Tail;
  std::array<Layout, 0x32> made{};
  auto set = [&](size_t type, uint8_t numbers, Tail tail = Tail::none, uint8_t size = 0) {
    made[type] = {true, numbers, tail, size};
  };
  set(padding, 0);
  set(0x01, 0);     // PING
  set(ack, 4);      // up to its first range
  set(ack_ecn, 4);  // the same
  set(0x04, 3);     // RESET_STREAM
  set(stop_sending, 2);
  set(0x06, 2, Tail::counted);  // CRYPTO
  set(0x07, 1, Tail::counted);  // NEW_TOKEN
  for (uint8_t bits = 0; bits < 8; ++bits) {
    uint8_t numbers = 1 + ((bits & stream_offset) != 0) + ((bits & stream_length) != 0);
    set(stream + bits, numbers, bits & stream_length ? Tail::counted : Tail::rest);
  }
  for (size_t type : {0x10, 0x12, 0x13, 0x14, 0x16, 0x17, 0x19}) set(type, 1);
  for (size_t type : {0x11, 0x15}) set(type, 2);
  set(new_connection_id, 2);     // up to the ID's length
  set(0x1a, 0, Tail::bytes, 8);  // PATH_CHALLENGE
  set(0x1b, 0, Tail::bytes, 8);  // PATH_RESPONSE
  set(0x1c, 3, Tail::counted);   // CONNECTION_CLOSE, the transport's
  set(0x1d, 2, Tail::counted);   // the application's
  set(0x1e, 0);                  // HANDSHAKE_DONE
  set(0x30, 0, Tail::rest);      // DATAGRAM
  set(0x31, 1, Tail::counted);   // the same
  return made;
}();

/// Reads from the front; once it was asked for more than there is, all it says is nothing.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  bool ended() const { return rest_.empty(); }
  uint8_t byte() {
    uint8_t value = rest_.empty() ? 0 : rest_[0];
    skip(1);
    return value;
  }
  uint64_t number() {
    VarintReader reader;
    uint64_t value = 0;
    return reader.read(rest_, value) ? value : 0;
  }
  void skip(uint64_t size) {
    rest_ = size < rest_.size() ? rest_.subspan(size_t(size)) : std::span<const uint8_t>();
  }

 private:
  std::span<const uint8_t> rest_;
};

}  // namespace

void find_stop_sending(std::span<const uint8_t> payload, std::vector<StopSending>& found) {
  Reader reader(payload);
  while (!reader.ended()) {
    uint8_t type = reader.byte();
    if (type >= layouts.size() || !layouts[type].known) return;
    const Layout& layout = layouts[type];
    std::array<uint64_t, 4> numbers{};
    for (uint8_t i = 0; i < layout.numbers; ++i) numbers[i] = reader.number();
    switch (layout.tail) {
      case Layout::Tail::none:
        break;
      case Layout::Tail::bytes:
        reader.skip(layout.size);
        break;
      case Layout::Tail::counted:
        reader.skip(numbers[layout.numbers - 1]);
        break;
      case Layout::Tail::rest:
        return;
    }
    if (type == stop_sending) found.push_back({int64_t(numbers[0]), numbers[1]});
    if (type == new_connection_id) reader.skip(reader.byte() + reset_token_size);
    if (type != ack && type != ack_ecn) continue;
    uint64_t more = 2 * numbers[2] + (type == ack_ecn ? 3 : 0);
    for (uint64_t i = 0; i < more && !reader.ended(); ++i) reader.number();
  }
}

}  // namespace sluice::quic
