// Unreliable datagrams (RFC 9221).

#include <algorithm>

#include "quic/connection.h"

namespace sluice::quic {

size_t Connection::max_datagram_size() const {
  if (state_ != State::open) return 0;
  const ngtcp2_transport_params* client = ngtcp2_conn_get_remote_transport_params(connection_);
  if (!client) return 0;
  // The frame's type and length; in a packet with the longest head and an authentication tag.
  constexpr size_t frame_head = 3, packet_overhead = 1 + NGTCP2_MAX_CIDLEN + 4 + 16;
  size_t packet = ngtcp2_conn_get_path_max_tx_udp_payload_size(connection_) - packet_overhead;
  size_t most = std::min<uint64_t>(client->max_datagram_frame_size, packet);
  return most > frame_head ? most - frame_head : 0;
}

// Datagrams go first, for they lose their worth. None: the packet has room for streams' bytes.
std::optional<ngtcp2_ssize> Connection::write_datagrams(std::span<uint8_t> room,
                                                        ngtcp2_path_storage& path,
                                                        ngtcp2_pkt_info& info, uint64_t now) {
  while (application_) {
    std::span<const uint8_t> datagram = application_->next_datagram(max_datagram_size());
    if (datagram.empty()) break;
    int taken = 0;
    ngtcp2_vec vector = {const_cast<uint8_t*>(datagram.data()), datagram.size()};
    ngtcp2_ssize size =
        ngtcp2_conn_writev_datagram(connection_, &path.path, &info, room.data(), room.size(),
                                    &taken, NGTCP2_WRITE_DATAGRAM_FLAG_MORE, 0, &vector, 1, now);
    if (taken) application_->on_datagram_sent();
    if (size != NGTCP2_ERR_WRITE_MORE) return size;
  }
  return std::nullopt;
}

}  // namespace sluice::quic
