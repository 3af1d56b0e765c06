#include "quic/stop_sending.h"

#include <string>
#include <string_view>

#include "test/check.h"

namespace {

using namespace sluice::quic;
using namespace std::literals;

const std::string stop("\5\4\x41\x0c", 4);  ///< of stream 4, for H3_REQUEST_CANCELLED

std::vector<StopSending> find(std::string_view payload) {
  std::vector<StopSending> found;
  find_stop_sending({reinterpret_cast<const uint8_t*>(payload.data()), payload.size()}, found);
  return found;
}

}  // namespace

TEST("STOP_SENDING is found behind whatever a packet holds") {
  const std::string frames[] = {
      ""s,
      "\0\0\0"s,                // PADDING
      "\1"s,                    // PING
      "\2\x20\0\2\5\1\5\1\5"s,  // ACK, two more ranges
      "\3\7\1\0\5\1\2\3"s,      // ACK with ECN counts
      "\4\4\5\6"s,              // RESET_STREAM
      "\6\5\3\5\5\5"s,          // CRYPTO
      "\7\2\5\5"s,              // NEW_TOKEN
      "\x0a\5\3\5\5\5"s,        // STREAM, with a length
      "\x0f\5\5\3\5\5\5"s,      // with an offset and its end, too
      "\x10\5\x11\5\5\x12\5\x13\5\x14\5\x15\5\5\x16\5\x17\5\x19\5"s,
      "\x18\5\0\x05xxxxx0123456789abcdef"s,         // NEW_CONNECTION_ID
      "\x1a\5\5\5\5\5\5\5\5\x1b\5\5\5\5\5\5\5\5"s,  // PATH_CHALLENGE, PATH_RESPONSE
      "\x1c\5\5\2\5\5"s,                            // CONNECTION_CLOSE
      "\x1d\5\2\5\5\x1e"s,                          // the application's, HANDSHAKE_DONE
      "\x31\3\5\5\5"s,                              // DATAGRAM
  };
  for (const std::string& frame : frames) {
    std::vector<StopSending> found = find(frame + stop + frame + stop);
    CHECK(found.size() == 2 && found[1].stream == 4 && found[1].error == 0x10c);
  }
}

TEST("STOP_SENDING is not found in what others carry, nor behind what makes no sense") {
  for (std::string_view before : {"\x08\4"sv, "\x0c\4\4"sv, "\x30"sv, "\x0a\4\7"sv, "\x1f"sv,
                                  "\x2f"sv, "\x32"sv, "\xff"sv, "\6\0\x3f"sv, "\2\0\0\x3f\0"sv}) {
    CHECK(find(std::string(before) + stop).empty());
  }
}
