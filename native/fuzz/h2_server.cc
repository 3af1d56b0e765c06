// An HTTP/2 client's bytes, up to exchanges and back: whatever comes, what is answered is whole
// frames, and when the client has gone nothing is left of it.

#include <sys/socket.h>

#include <cerrno>

#include "fuzz/data_plane.h"
#include "fuzz/split.h"
#include "http/h2/server_connection.h"

namespace {

using namespace sluice;

constexpr size_t frame_head_size = h2::frame_head_size;
constexpr size_t largest_frame = 64 * 1024;
constexpr std::string_view empty_settings("\0\0\0\4\0\0\0\0\0", frame_head_size);
constexpr int patience = 100;  ///< turns, until nothing is left

/// Reads what the server has said; false: it has ended.
bool receive(const Descriptor& client, std::string& output) {
  char buffer[65536];
  for (;;) {
    ssize_t size = ::recv(client.get(), buffer, sizeof buffer, 0);
    if (size <= 0) return size < 0 && errno == EAGAIN;
    output.append(buffer, size_t(size));
  }
}

void check_frames(std::string_view output, bool ended) {
  while (output.size() >= frame_head_size) {
    size_t size = 0;
    for (int i = 0; i < 3; ++i) size = size << 8 | uint8_t(output[i]);
    FUZZ_REQUIRE(size <= largest_frame);
    FUZZ_REQUIRE(uint8_t(output[3]) <= NGHTTP2_CONTINUATION);
    if (output.size() < frame_head_size + size) break;
    output.remove_prefix(frame_head_size + size);
  }
  FUZZ_REQUIRE(!ended || output.empty());
}

}  // namespace

// The first byte: how the rest is cut (low bits), and whether the preface is there already.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  fuzz::DataPlane& plane = fuzz::DataPlane::instance();
  std::string input;
  if (!(data[0] & 0x80)) input.append(h2::preface).append(empty_settings);
  input.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  size_t step = size_t{1} << (data[0] & 15);

  Descriptor client;
  net::StreamPtr stream = plane.connect(client);
  FUZZ_REQUIRE(plane.thread().take_connection_slot());
  http::ConnectionFacts facts;
  facts.number = 1;
  h2::ServerConnection::accept(plane.thread(), plane.listen(), std::move(stream), facts);

  std::string output;
  bool open = true;
  for (size_t at = 0; at < input.size() && open; at += step) {
    std::string_view piece = std::string_view(input).substr(at, step);
    if (::send(client.get(), piece.data(), piece.size(), MSG_NOSIGNAL) < 0) break;
    plane.turn();
    open = receive(client, output);
  }
  for (int i = 0; i < 3 && open; ++i) {
    plane.turn();
    open = receive(client, output);
  }
  check_frames(output, !open);
  client.reset();
  const Counters& counters = plane.thread().counters;
  for (int i = 0; i < patience && counters.active + counters.writing > 0; ++i) plane.turn();
  FUZZ_REQUIRE(counters.active == 0 && counters.writing == 0 && counters.reading == 0);
  return 0;
}
