// How a connection ends (RFC 9000, 10).

#include <algorithm>

#include "quic/connection.h"
#include "quic/endpoint.h"

namespace sluice::quic {

void Connection::fail(int error, uint64_t now) {
  switch (error) {
    case NGTCP2_ERR_DRAINING:
    case NGTCP2_ERR_CLOSING:
      drain();
      return;
    case NGTCP2_ERR_IDLE_CLOSE:
    case NGTCP2_ERR_DROP_CONN:
      end(State::gone, {});
      return;
    case NGTCP2_ERR_HANDSHAKE_TIMEOUT:
      end(State::gone, "client timed out");
      return;
    default:
      break;
  }
  ngtcp2_connection_close_error reason;
  ngtcp2_connection_close_error_default(&reason);
  uint8_t alert = ngtcp2_conn_get_tls_alert(connection_);
  if (alert && (error == NGTCP2_ERR_CRYPTO || error == NGTCP2_ERR_CALLBACK_FAILURE)) {
    ngtcp2_connection_close_error_set_transport_error_tls_alert(&reason, alert, nullptr, 0);
  } else {
    int said = error == NGTCP2_ERR_CALLBACK_FAILURE || error == NGTCP2_ERR_CRYPTO
                   ? ngtcp2_conn_get_tls_error(connection_)
                   : error;
    ngtcp2_connection_close_error_set_transport_error_liberr(&reason, said ? said : error, nullptr,
                                                             0);
  }
  send_close(reason, now);
}

void Connection::send_close(const ngtcp2_connection_close_error& error, uint64_t now) {
  uint8_t buffer[NGTCP2_MAX_UDP_PAYLOAD_SIZE];
  ngtcp2_path_storage path;
  ngtcp2_path_storage_zero(&path);
  ngtcp2_pkt_info info;
  ngtcp2_ssize size = ngtcp2_conn_write_connection_close(connection_, &path.path, &info, buffer,
                                                         sizeof buffer, &error, now);
  std::string reason = handshake_->failure();
  bool ours = error.type == NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION;
  if (reason.empty() && !ours) {
    reason = "quic transport error " + std::to_string(error.error_code);
  }
  if (size <= 0) {
    end(State::gone, reason);
    return;
  }
  close_packet_.assign(buffer, buffer + size);
  end(State::closing, reason);
  repeat_close();
}

// To the first packet that still comes, then ever more seldom (RFC 9000, 10.2.1).
void Connection::repeat_close() {
  uint32_t count = packets_after_close_++;
  if ((count & (count - 1)) != 0) return;
  net::DatagramSocket& socket = endpoint_.socket();
  std::span<uint8_t> room = socket.prepare(close_packet_.size());
  if (room.empty()) return;
  std::ranges::copy(close_packet_, room.begin());
  socket.commit(close_packet_.size(), {.remote = remote_, .local = local_});
}

void Connection::drain() {
  ngtcp2_connection_close_error error;
  ngtcp2_conn_get_connection_close_error(connection_, &error);
  bool transport = error.type == NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_TRANSPORT;
  std::string reason;
  if (transport && error.error_code != NGTCP2_NO_ERROR) {
    reason =
        "client closed connection with quic transport error " + std::to_string(error.error_code);
  }
  end(State::draining, reason);
}

// Three times the probe time-out, in which packets on their way may still come.
void Connection::end(State state, std::string_view reason) {
  state_ = state;
  finish_handshake();
  ListHook<ConnectionsToWrite>::unlink();
  uint64_t pto = ngtcp2_conn_get_pto(connection_);
  if (Application* application = std::exchange(application_, nullptr)) {
    application->on_closed(reason);
  }
  ngtcp2_conn_del(std::exchange(connection_, nullptr));
  handshake_.reset();
  timer_.set(state == State::gone ? 0 : 3 * pto / NGTCP2_MILLISECONDS + 1);
}

void Connection::terminate() {
  if (state_ != State::open) return;
  constexpr uint64_t no_error = 0x100;
  close(no_error, {});
  write(monotonic_ns());
}

}  // namespace sluice::quic
