#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What data thread and control thread tell each other of WebTransport sessions; the other side is
/// src/quic/webtransport/messages.ts. A message is a kind, the numbers of session and stream, the
/// length of what follows, and that.
namespace sluice::webtransport {

/// From the data thread.
enum class News : uint8_t {
  session = 1,   ///< asks for one: a request, see WebTransportSession::ask()
  opened = 2,    ///< a stream: who opened it and which way it goes, see Way
  data = 3,      ///< of a stream
  end = 4,       ///< no more comes of it
  reset = 5,     ///< …as the client has given it up: u32 code
  stopped = 6,   ///< the client wants no more of it: u32 code
  room = 7,      ///< u32: so many bytes more may be written
  finished = 8,  ///< the client has all of it
  datagram = 9,
  draining = 10,         ///< the worker is about to end
  client_draining = 11,  ///< the client asks for an end
  gone = 12,             ///< a stream: its last
  closed = 13,           ///< u32 code, reason; the session's last
};

/// From the control thread.
enum class Order : uint8_t {
  taken = 1,   ///< the last batch of news
  accept = 2,  ///< the session; the protocol chosen
  refuse = 3,  ///< u16 status
  open = 4,    ///< a stream: u8, 1 for both ways
  write = 5,
  finish = 6,
  reset = 7,  ///< u32 code
  stop = 8,   ///< u32 code
  used = 9,   ///< u32 bytes of the client's
  datagram = 10,
  drain = 11,  ///< ask the client to end the session
  close = 12,  ///< u32 code, reason
  log = 13,    ///< an error of the handler
};

/// Of a stream, as bits.
enum Way : uint8_t { bidirectional = 1, from_client = 2 };

constexpr size_t head_size = 13;

inline void put(std::string& to, uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) to += char(number >> shift);
}

inline std::string bytes_of(uint32_t number) {
  std::string bytes;
  put(bytes, number);
  return bytes;
}

inline void put(std::string& to, News kind, uint32_t session, uint32_t stream,
                std::string_view payload) {
  to += char(kind);
  put(to, session);
  put(to, stream);
  put(to, uint32_t(payload.size()));
  to += payload;
}

/// Little-endian; 0 where it is cut short.
inline uint32_t number_at(std::string_view bytes, size_t offset = 0, size_t size = 4) {
  uint32_t number = 0;
  if (bytes.size() < offset + size) return 0;
  for (size_t i = 0; i < size; ++i) number |= uint32_t(uint8_t(bytes[offset + i])) << (8 * i);
  return number;
}

struct Message {
  uint8_t kind = 0;
  uint32_t session = 0;
  uint32_t stream = 0;
  std::string_view payload;
};

/// Takes the first message off; false: none is left.
inline bool take(std::string_view& from, Message& message) {
  if (from.size() < head_size) return false;
  message = {uint8_t(from[0]), number_at(from, 1), number_at(from, 5), {}};
  size_t size = number_at(from, 9);
  message.payload = from.substr(head_size, size);
  from.remove_prefix(head_size + message.payload.size());
  return message.payload.size() == size;
}

}  // namespace sluice::webtransport
