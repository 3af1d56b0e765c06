#include "quic/connection.h"

#include <algorithm>

#include "base/clock.h"
#include "quic/connection_callbacks.h"
#include "quic/endpoint.h"
#include "quic/library_memory.h"
#include "quic/packet_protection.h"

namespace sluice::quic {
namespace {

constexpr uint64_t ms = NGTCP2_MILLISECONDS;
/// Between two looks of the clock at most this much leaves: what a tick of the timer wheel allows.
constexpr size_t most_at_once = 256 * 1024;
/// The kernel cuts a train into so many datagrams at most.
constexpr size_t max_segments = 64;
constexpr uint64_t first_probe = 200 * ms;
/// Who has sent so much may send more: then it pays to look for the path's size (RFC 9000, 14.3).
constexpr uint64_t probe_size_after = 32 * 1024;
/// ngtcp2 has room for so many.
constexpr uint64_t most_connection_ids = 8;

ngtcp2_addr as_ngtcp2(const net::Address& address) {
  return {const_cast<sockaddr*>(address.data()), address.size()};
}

ngtcp2_cid as_ngtcp2(const ConnectionId& id) {
  ngtcp2_cid cid;
  ngtcp2_cid_init(&cid, id.bytes.data(), id.size);
  return cid;
}

ngtcp2_cc_algo as_ngtcp2(CongestionControl algorithm) {
  switch (algorithm) {
    case CongestionControl::reno:
      return NGTCP2_CC_ALGO_RENO;
    case CongestionControl::bbr:
      return NGTCP2_CC_ALGO_BBR;
    case CongestionControl::cubic:
      break;
  }
  return NGTCP2_CC_ALGO_CUBIC;
}

ngtcp2_settings library_settings(const TransportSettings& settings, uint64_t now) {
  ngtcp2_settings made;
  ngtcp2_settings_default(&made);
  made.initial_ts = now;
  made.cc_algo = as_ngtcp2(settings.congestion_control);
  made.handshake_timeout = settings.handshake_timeout * ms;
  made.max_tx_udp_payload_size = NGTCP2_MAX_PMTUD_UDP_PAYLOAD_SIZE;
  return made;
}

ngtcp2_transport_params transport_parameters(const TransportSettings& settings) {
  ngtcp2_transport_params made;
  ngtcp2_transport_params_default(&made);
  made.initial_max_stream_data_bidi_local = settings.stream_window;
  made.initial_max_stream_data_bidi_remote = settings.stream_window;
  made.initial_max_stream_data_uni = settings.stream_window;
  made.initial_max_data =
      settings.stream_window * (settings.max_streams + settings.max_unidirectional_streams);
  made.max_datagram_frame_size = settings.max_datagram_size;
  made.initial_max_streams_bidi = settings.max_streams;
  made.initial_max_streams_uni = settings.max_unidirectional_streams;
  made.max_idle_timeout = settings.idle_timeout * ms;
  made.active_connection_id_limit =
      std::min(settings.active_connection_id_limit, most_connection_ids);
  made.stateless_reset_token_present = 1;
  return made;
}

}  // namespace

Connection::~Connection() {
  finish_handshake();
  if (connection_) ngtcp2_conn_del(connection_);
}

bool Connection::begin(const Beginning& beginning, const TransportSettings& settings,
                       Application& application, tls::SslPtr ssl, bool early_data, uint64_t now) {
  const ngtcp2_pkt_hd& header = beginning.header;
  remote_ = beginning.remote;
  local_ = beginning.local;
  timer_.bind<&Connection::on_timer>(this);
  handshake_ = std::make_unique<Handshake>(std::move(ssl), early_data);

  ngtcp2_settings library = library_settings(settings, now);
  ngtcp2_transport_params parameters = transport_parameters(settings);
  parameters.original_dcid = header.dcid;
  if (beginning.token.kind == TokenVerdict::Kind::retried) {
    parameters.original_dcid = as_ngtcp2(beginning.token.original);
    parameters.retry_scid = header.dcid;
    parameters.retry_scid_present = 1;
  }
  // A token that was found good lifts the limit on what is sent to an address not yet validated.
  if (beginning.token.kind != TokenVerdict::Kind::none) library.token = header.token;
  ConnectionId id = endpoint_.new_id(*this);
  std::ranges::copy(endpoint_.keys().reset_token(id), parameters.stateless_reset_token);
  ngtcp2_cid own_id = as_ngtcp2(id);
  ngtcp2_path path = {as_ngtcp2(local_), as_ngtcp2(remote_), nullptr};
  int error = ngtcp2_conn_server_new(&connection_, &header.scid, &own_id, &path, header.version,
                                     &ConnectionCallbacks::table(), &library, &parameters,
                                     &library_memory(), this);
  if (error != 0) return false;
  handshake_->attach(connection_);
  ngtcp2_conn_set_tls_native_handle(connection_, handshake_->ssl());
  endpoint_.add_id(ConnectionId({header.dcid.data, header.dcid.datalen}), *this);
  application_ = &application;
  takes_datagrams_ = settings.max_datagram_size > 0;
  counted_as_handshaking_ = true;
  endpoint_.count_handshake(1);
  return true;
}

int Connection::install_initial_keys(std::span<const uint8_t> client_id) {
  const CipherSuite& suite = CipherSuite::initial();
  InitialSecrets secrets = InitialSecrets::derive(client_id);
  PacketKeys reading = PacketKeys::derive(suite, secrets.client, false);
  PacketKeys writing = PacketKeys::derive(suite, secrets.server, true);
  ngtcp2_crypto_ctx context = suite.as_context();
  ngtcp2_conn_set_initial_crypto_ctx(connection_, &context);
  int error = ngtcp2_conn_install_initial_key(connection_, &reading.aead, reading.iv.data(),
                                              &reading.header, &writing.aead, writing.iv.data(),
                                              &writing.header, CipherSuite::iv_size);
  if (error == 0) return 0;
  reading.release();
  writing.release();
  return NGTCP2_ERR_CALLBACK_FAILURE;
}

// --- For the application ---

int64_t Connection::open_stream(bool bidirectional) {
  int64_t stream = -1;
  if (state_ != State::open) return -1;
  auto open = bidirectional ? ngtcp2_conn_open_bidi_stream : ngtcp2_conn_open_uni_stream;
  return open(connection_, &stream, nullptr) == 0 ? stream : -1;
}

void Connection::allow_stream() {
  if (state_ != State::open) return;
  ngtcp2_conn_extend_max_streams_uni(connection_, 1);
  wants_to_send();
}

void Connection::wants_to_send() {
  if (state_ == State::open) endpoint_.schedule(*this);
}

void Connection::consume(int64_t stream, uint64_t bytes) {
  if (state_ != State::open || bytes == 0) return;
  ngtcp2_conn_extend_max_stream_offset(connection_, stream, bytes);
  consume(bytes);
}

void Connection::consume(uint64_t bytes) {
  if (state_ != State::open) return;
  ngtcp2_conn_extend_max_offset(connection_, bytes);
  wants_to_send();
}

void Connection::reset_stream(int64_t stream, uint64_t error) {
  if (state_ != State::open) return;
  ngtcp2_conn_shutdown_stream_write(connection_, stream, error);
  wants_to_send();
}

void Connection::stop_stream(int64_t stream, uint64_t error) {
  if (state_ != State::open) return;
  ngtcp2_conn_shutdown_stream_read(connection_, stream, error);
  wants_to_send();
}

void Connection::close(uint64_t error, std::string_view reason) {
  if (state_ != State::open || close_requested_) return;
  close_requested_ = Close{error, std::string(reason)};
  endpoint_.schedule(*this);
}

void Connection::on_handshake_complete() {
  finish_handshake();
  handshake_done_at_ = monotonic_ns();
  std::vector<uint8_t> token = endpoint_.keys().new_token(remote_, Clock::of_thread().seconds());
  ngtcp2_conn_submit_new_token(connection_, token.data(), token.size());
  if (application_) application_->on_handshake_complete();
}

void Connection::finish_handshake() {
  if (std::exchange(counted_as_handshaking_, false)) endpoint_.count_handshake(-1);
}

// Only once the client has answered from there: a forged source address is nobody's.
void Connection::note_path(const ngtcp2_path& path) {
  net::Address remote(path.remote.addr, path.remote.addrlen);
  net::Address local(path.local.addr, path.local.addrlen);
  if (remote == remote_ && local == local_) return;
  remote_ = remote;
  local_ = local;
  if (application_) application_->on_migrated(remote_, local_);
}

// --- Packets ---

void Connection::receive(const net::Datagram& datagram, uint64_t now) {
  if (state_ != State::open) {
    if (state_ == State::closing) repeat_close();
    return;
  }
  ngtcp2_path path = {as_ngtcp2(datagram.local), as_ngtcp2(datagram.remote), nullptr};
  ngtcp2_pkt_info info = {.ecn = uint32_t(datagram.ecn)};
  ConnectionCallbacks::stops().clear();
  int error = ngtcp2_conn_read_pkt(connection_, &path, &info, datagram.bytes.data(),
                                   datagram.bytes.size(), now);
  if (error == 0) {
    note_stops();
    endpoint_.schedule(*this);
  } else {
    fail(error, now);
  }
}

// A packet that is late may bring the beginning of a stream after its end: then the application is
// told when it knows the stream.
void Connection::note_stops() {
  std::vector<StopSending>& stops = ConnectionCallbacks::stops();
  if (stops.empty() && early_stops_.empty()) return;
  for (const StopSending& stop : stops) {
    // ngtcp2 has forgotten a stream that is over, and has answered for one that isn't.
    if (ngtcp2_conn_set_stream_user_data(connection_, stop.stream, nullptr) != 0) continue;
    forget_stop(stop.stream);
    early_stops_.push_back(stop);
  }
  std::erase_if(early_stops_, [this](const StopSending& stop) {
    return !application_ || application_->on_stream_stopped(stop.stream, stop.error);
  });
}

void Connection::forget_stop(int64_t stream) {
  std::erase_if(early_stops_, [&](const StopSending& stop) { return stop.stream == stream; });
}

void Connection::resume_handshake() {
  if (state_ != State::open) return;
  int error = handshake_->drive();
  if (error == 0) {
    endpoint_.schedule(*this);
  } else {
    fail(error, monotonic_ns());
  }
}

/// Packets of one size for one path, in the socket's room.
struct Connection::Train {
  size_t size = 0;
  size_t segment = 0;
  size_t count = 0;
  net::Address remote;
  net::Address local;
  net::Ecn ecn = net::Ecn::not_ect;
  bool complete = false;  ///< a shorter packet was its last

  bool takes(size_t packet, const net::Address& to, const net::Address& from, net::Ecn mark) const {
    return !complete && count < max_segments && packet <= segment && mark == ecn && to == remote &&
           from == local;
  }
};

void Connection::write(uint64_t now) {
  if (state_ != State::open) return;
  if (close_requested_) {
    // What the application has said before goes first.
    write_packets(now);
    if (state_ != State::open) return;
    ngtcp2_connection_close_error error;
    ngtcp2_connection_close_error_default(&error);
    const std::string& reason = close_requested_->reason;
    ngtcp2_connection_close_error_set_application_error(
        &error, close_requested_->error, reinterpret_cast<const uint8_t*>(reason.data()),
        reason.size());
    send_close(error, now);
    return;
  }
  write_packets(now);
  if (application_) application_->on_output_made();
  if (state_ == State::open) set_timer(now);
}

void Connection::write_packets(uint64_t now) {
  net::DatagramSocket& socket = endpoint_.socket();
  // Pacing by a first guess of the round trip would only slow down the handshake.
  bool paced = ngtcp2_conn_get_handshake_completed(connection_);
  size_t quantum = ngtcp2_conn_get_send_quantum(connection_);
  size_t budget = quantum < net::DatagramSocket::max_train ? quantum : most_at_once;
  // Larger ones would be probes.
  size_t packet_size = sent_ < probe_size_after
                           ? ngtcp2_conn_get_path_max_tx_udp_payload_size(connection_)
                           : ngtcp2_conn_get_max_tx_udp_payload_size(connection_);
  bool more = true;
  while (more && budget > 0 && state_ == State::open) {
    std::span<uint8_t> room =
        socket.prepare(std::min(std::max(budget, packet_size), net::DatagramSocket::max_train));
    if (room.empty()) {
      endpoint_.schedule(*this);  // once the kernel takes more
      break;
    }
    size_t used = 0;
    Train train;
    auto depart = [&] {
      socket.commit(train.size, {.remote = train.remote,
                                 .local = train.local,
                                 .ecn = train.ecn,
                                 .segment = train.segment});
      train = Train();
    };
    while (room.size() - used >= packet_size) {
      ngtcp2_path_storage path;
      ngtcp2_path_storage_zero(&path);
      ngtcp2_pkt_info info = {};
      ngtcp2_ssize size = write_packet(room.subspan(used, packet_size), path, info, now);
      if (size < 0) {
        depart();
        fail(int(size), now);
        return;
      }
      if (size == 0) {
        more = false;
        break;
      }
      net::Address remote(path.path.remote.addr, path.path.remote.addrlen);
      net::Address local(path.path.local.addr, path.path.local.addrlen);
      auto mark = net::Ecn(info.ecn);
      if (!train.takes(size_t(size), remote, local, mark)) {
        depart();
        train.segment = size_t(size);
        train.remote = remote;
        train.local = local;
        train.ecn = mark;
      }
      train.complete = size_t(size) < train.segment;
      train.size += size_t(size);
      sent_ += size_t(size);
      train.count++;
      used += size_t(size);
    }
    depart();
    budget -= std::min(budget, std::max(used, packet_size));
  }
  if (paced && state_ == State::open) ngtcp2_conn_update_pkt_tx_time(connection_, now);
}

// One packet, with as many streams' bytes as fit; 0: nothing can be sent now.
ngtcp2_ssize Connection::write_packet(std::span<uint8_t> room, ngtcp2_path_storage& path,
                                      ngtcp2_pkt_info& info, uint64_t now) {
  if (takes_datagrams_) {
    if (auto size = write_datagrams(room, path, info, now)) return *size;
  }
  while (true) {
    Outgoing outgoing;
    if (application_ && ngtcp2_conn_get_max_data_left(connection_) > 0) {
      outgoing = application_->next_outgoing();
    }
    uint32_t flags =
        outgoing.stream < 0 ? NGTCP2_WRITE_STREAM_FLAG_NONE : NGTCP2_WRITE_STREAM_FLAG_MORE;
    if (outgoing.end) flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
    ngtcp2_ssize taken = -1;
    ngtcp2_ssize size = ngtcp2_conn_writev_stream(
        connection_, &path.path, &info, room.data(), room.size(), &taken, flags, outgoing.stream,
        outgoing.bytes.data(), outgoing.bytes.size(), now);
    if (taken >= 0 && outgoing.stream >= 0) {
      size_t offered = 0;
      for (const ngtcp2_vec& vector : outgoing.bytes) offered += vector.len;
      application_->on_sent(outgoing.stream, size_t(taken),
                            outgoing.end && size_t(taken) == offered);
    }
    switch (size) {
      case NGTCP2_ERR_WRITE_MORE:
        continue;
      case NGTCP2_ERR_STREAM_DATA_BLOCKED:
        application_->on_stream_blocked(outgoing.stream);
        continue;
      case NGTCP2_ERR_STREAM_SHUT_WR:
      case NGTCP2_ERR_STREAM_NOT_FOUND:
        application_->on_stream_stopped(outgoing.stream, 0);
        continue;
      default:
        return size;
    }
  }
}

// --- Time ---

// A client that has just begun is busy with its keys, and its first acknowledgements are late:
// till then nothing is sent again sooner than TCP would.
bool Connection::defers_probes(uint64_t now) const {
  if (acknowledged_ || handshake_done_at_ == 0) return false;
  ngtcp2_conn_stat stat;
  ngtcp2_conn_get_conn_stat(connection_, &stat);
  return stat.loss_detection_timer <= now && now < handshake_done_at_ + first_probe;
}

void Connection::set_timer(uint64_t now) {
  uint64_t expiry = ngtcp2_conn_get_expiry(connection_);
  if (defers_probes(now)) expiry = handshake_done_at_ + first_probe;
  if (expiry == UINT64_MAX) {
    timer_.cancel();
  } else {
    timer_.set(expiry > now ? (expiry - now + ms - 1) / ms : 1);
  }
}

void Connection::on_timer() {
  if (state_ != State::open) {
    endpoint_.remove(*this);
    return;
  }
  uint64_t now = monotonic_ns();
  int error = defers_probes(now) ? 0 : ngtcp2_conn_handle_expiry(connection_, now);
  if (error == 0) {
    endpoint_.schedule(*this);
  } else {
    fail(error, now);
  }
}

}  // namespace sluice::quic
