#include "client_connection.h"

#include <gnutls/crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

#include <array>
#include <charconv>
#include <ctime>

namespace h3load {
namespace {

constexpr size_t connection_id_size = 8;
/// As h2load is told in the rows for HTTP/2: no limit for what is measured.
constexpr uint64_t window = 1 << 24;
constexpr uint64_t handshake_timeout = 10 * NGTCP2_SECONDS;
/// AES-256 and X25519 first, as OpenSSL 3.0 has it behind h2load.
constexpr char priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:"
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:%DISABLE_TLS13_COMPAT_MODE";

ngtcp2_cid random_id() {
  ngtcp2_cid id;
  id.datalen = connection_id_size;
  gnutls_rnd(GNUTLS_RND_NONCE, id.data, id.datalen);
  return id;
}

nghttp3_nv field(std::string_view name, std::string_view value) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
          NGHTTP3_NV_FLAG_NO_COPY_NAME | NGHTTP3_NV_FLAG_NO_COPY_VALUE};
}

std::string_view text_of(nghttp3_rcbuf* buffer) {
  nghttp3_vec bytes = nghttp3_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

}  // namespace

uint64_t monotonic_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t(now.tv_sec) * NGTCP2_SECONDS + uint64_t(now.tv_nsec);
}

/// What nghttp3 calls.
struct HttpCallbacks {
  static int consume(ClientConnection& self, int64_t stream, size_t size) {
    ngtcp2_conn_extend_max_stream_offset(self.connection_, stream, size);
    ngtcp2_conn_extend_max_offset(self.connection_, size);
    return 0;
  }
  static int received_field(nghttp3_conn*, int64_t, int32_t token, nghttp3_rcbuf*,
                            nghttp3_rcbuf* value, uint8_t, void*, void* user) {
    auto& request = *static_cast<ClientConnection::Request*>(user);
    std::string_view text = text_of(value);
    if (token == NGHTTP3_QPACK_TOKEN__STATUS) {
      request.good = text == "200";
    } else if (token == NGHTTP3_QPACK_TOKEN_CONTENT_LENGTH) {
      uint64_t length = 0;
      std::from_chars(text.data(), text.data() + text.size(), length);
      request.promised = length;
    }
    return 0;
  }
  static int received_data(nghttp3_conn*, int64_t stream, const uint8_t*, size_t size, void* self,
                           void* user) {
    static_cast<ClientConnection::Request*>(user)->received += size;
    return consume(*static_cast<ClientConnection*>(self), stream, size);
  }
  static int end_stream(nghttp3_conn*, int64_t, void* self, void* user) {
    auto& request = *static_cast<ClientConnection::Request*>(user);
    static_cast<ClientConnection*>(self)->on_end_of_stream(request);
    return 0;
  }

  static const nghttp3_callbacks& table() {
    static const nghttp3_callbacks callbacks = [] {
      nghttp3_callbacks made = {};
      made.recv_header = received_field;
      made.recv_data = received_data;
      made.end_stream = end_stream;
      made.deferred_consume = [](nghttp3_conn*, int64_t stream, size_t size, void* self, void*) {
        return consume(*static_cast<ClientConnection*>(self), stream, size);
      };
      return made;
    }();
    return callbacks;
  }
};

/// What ngtcp2 calls.
struct QuicCallbacks {
  static int received_stream_data(ngtcp2_conn*, uint32_t flags, int64_t stream, uint64_t,
                                  const uint8_t* data, size_t size, void* user, void*) {
    auto& self = *static_cast<ClientConnection*>(user);
    int end = flags & NGTCP2_STREAM_DATA_FLAG_FIN ? 1 : 0;
    nghttp3_ssize used = nghttp3_conn_read_stream(self.http_, stream, data, size, end);
    if (used < 0) {
      self.fail("nghttp3_conn_read_stream", int(used));
      return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    return HttpCallbacks::consume(self, stream, size_t(used));
  }
  static int stream_closed(ngtcp2_conn*, uint32_t, int64_t stream, uint64_t error, void* user,
                           void* stream_user) {
    auto& self = *static_cast<ClientConnection*>(user);
    if (self.http_)
      nghttp3_conn_close_stream(self.http_, stream, error ? error : NGHTTP3_H3_NO_ERROR);
    if (auto* request = static_cast<ClientConnection::Request*>(stream_user)) {
      if (!request->ended) self.owner_.on_wrong_response("a stream was reset");
      self.free_requests_.push_back(request);
    }
    return 0;
  }

  static const ngtcp2_callbacks& table() {
    static const ngtcp2_callbacks callbacks = [] {
      ngtcp2_callbacks made = {};
      made.client_initial = ngtcp2_crypto_client_initial_cb;
      made.recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
      made.encrypt = ngtcp2_crypto_encrypt_cb;
      made.decrypt = ngtcp2_crypto_decrypt_cb;
      made.hp_mask = ngtcp2_crypto_hp_mask_cb;
      made.recv_retry = ngtcp2_crypto_recv_retry_cb;
      made.update_key = ngtcp2_crypto_update_key_cb;
      made.delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
      made.delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
      made.get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
      made.version_negotiation = ngtcp2_crypto_version_negotiation_cb;
      made.rand = [](uint8_t* out, size_t size, const ngtcp2_rand_ctx*) {
        gnutls_rnd(GNUTLS_RND_NONCE, out, size);
      };
      made.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* id, uint8_t* token, size_t size,
                                      void*) -> int {
        id->datalen = size;
        gnutls_rnd(GNUTLS_RND_NONCE, id->data, size);
        gnutls_rnd(GNUTLS_RND_NONCE, token, NGTCP2_STATELESS_RESET_TOKENLEN);
        return 0;
      };
      made.handshake_completed = [](ngtcp2_conn*, void* user) -> int {
        auto& self = *static_cast<ClientConnection*>(user);
        self.established_ = self.begin_http();
        return self.established_ ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
      };
      made.recv_stream_data = received_stream_data;
      made.stream_close = stream_closed;
      made.acked_stream_data_offset = [](ngtcp2_conn*, int64_t stream, uint64_t, uint64_t size,
                                         void* user, void*) -> int {
        auto& self = *static_cast<ClientConnection*>(user);
        int error = nghttp3_conn_add_ack_offset(self.http_, stream, size);
        return error == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
      };
      made.extend_max_stream_data = [](ngtcp2_conn*, int64_t stream, uint64_t, void* user,
                                       void*) -> int {
        nghttp3_conn_unblock_stream(static_cast<ClientConnection*>(user)->http_, stream);
        return 0;
      };
      return made;
    }();
    return callbacks;
  }
};

ClientConnection::ClientConnection(Owner& owner, const Target& target,
                                   gnutls_certificate_credentials_t credentials, uint32_t streams)
    : owner_(owner), target_(target), credentials_(credentials), requests_of_streams_(streams) {
  for (Request& request : requests_of_streams_) free_requests_.push_back(&request);
}

ClientConnection::~ClientConnection() {
  if (http_) nghttp3_conn_del(http_);
  if (connection_) ngtcp2_conn_del(connection_);
  if (tls_) gnutls_deinit(tls_);
}

void ClientConnection::fail(std::string_view call, int error) {
  if (!failure_.empty()) return;
  const char* why = call.starts_with("nghttp3") ? nghttp3_strerror(error) : ngtcp2_strerror(error);
  failure_ = std::string(call) + ": " + why;
}

ngtcp2_path ClientConnection::path() const {
  auto* local = reinterpret_cast<const sockaddr*>(&socket_.local());
  auto* remote = reinterpret_cast<const sockaddr*>(&target_.address);
  return {{const_cast<sockaddr*>(local), socket_.local_size()},
          {const_cast<sockaddr*>(remote), target_.address_size},
          nullptr};
}

bool ClientConnection::begin_tls() {
  constexpr char protocol[] = "h3";
  gnutls_datum_t protocols = {reinterpret_cast<unsigned char*>(const_cast<char*>(protocol)), 2};
  reference_ = {[](ngtcp2_crypto_conn_ref* reference) {
                  return static_cast<ClientConnection*>(reference->user_data)->connection_;
                },
                this};
  bool made = gnutls_init(&tls_, GNUTLS_CLIENT) == 0 &&
              gnutls_priority_set_direct(tls_, priorities, nullptr) == 0 &&
              ngtcp2_crypto_gnutls_configure_client_session(tls_) == 0 &&
              gnutls_credentials_set(tls_, GNUTLS_CRD_CERTIFICATE, credentials_) == 0 &&
              gnutls_alpn_set_protocols(tls_, &protocols, 1, GNUTLS_ALPN_MANDATORY) == 0;
  if (!made) return false;
  gnutls_session_set_ptr(tls_, &reference_);
  gnutls_handshake_set_timeout(tls_, GNUTLS_INDEFINITE_TIMEOUT);
  if (!target_.host.empty()) {
    gnutls_server_name_set(tls_, GNUTLS_NAME_DNS, target_.host.data(), target_.host.size());
  }
  return true;
}

bool ClientConnection::begin(uint64_t now) {
  begun_ = now_ = now;
  if (!socket_.connect(reinterpret_cast<const sockaddr*>(&target_.address), target_.address_size)) {
    failure_ = "no socket";
    return false;
  }
  if (!begin_tls()) {
    failure_ = "GnuTLS refuses its settings";
    return false;
  }
  ngtcp2_settings settings;
  ngtcp2_settings_default(&settings);
  settings.initial_ts = now;
  settings.handshake_timeout = handshake_timeout;
  // It sends little: as browsers, it doesn't look for the path's size.
  settings.no_pmtud = 1;
  ngtcp2_transport_params parameters;
  ngtcp2_transport_params_default(&parameters);
  parameters.initial_max_data = window;
  parameters.initial_max_stream_data_bidi_local = window;
  parameters.initial_max_stream_data_uni = window;
  parameters.initial_max_streams_uni = 3;
  ngtcp2_cid server_id = random_id();
  ngtcp2_cid own_id = random_id();
  ngtcp2_path way = path();
  int error =
      ngtcp2_conn_client_new(&connection_, &server_id, &own_id, &way, NGTCP2_PROTO_VER_V1,
                             &QuicCallbacks::table(), &settings, &parameters, nullptr, this);
  if (error != 0) {
    fail("ngtcp2_conn_client_new", error);
    return false;
  }
  ngtcp2_conn_set_tls_native_handle(connection_, tls_);
  return true;
}

bool ClientConnection::begin_http() {
  nghttp3_settings settings;
  nghttp3_settings_default(&settings);
  settings.qpack_max_dtable_capacity = 4096;
  settings.qpack_encoder_max_dtable_capacity = 0;
  settings.qpack_blocked_streams = 16;
  int64_t control = -1, encoder = -1, decoder = -1;
  if (ngtcp2_conn_open_uni_stream(connection_, &control, nullptr) != 0 ||
      ngtcp2_conn_open_uni_stream(connection_, &encoder, nullptr) != 0 ||
      ngtcp2_conn_open_uni_stream(connection_, &decoder, nullptr) != 0) {
    failure_ = "the server allows too few streams for HTTP/3";
    return false;
  }
  int error = nghttp3_conn_client_new(&http_, &HttpCallbacks::table(), &settings, nullptr, this);
  if (error == 0) error = nghttp3_conn_bind_control_stream(http_, control);
  if (error == 0) error = nghttp3_conn_bind_qpack_streams(http_, encoder, decoder);
  if (error != 0) fail("nghttp3_conn_client_new", error);
  return error == 0;
}

void ClientConnection::send_requests(uint64_t now) {
  while (!free_requests_.empty() && owner_.wants_request(requests_)) {
    int64_t stream = -1;
    Request* request = free_requests_.back();
    if (ngtcp2_conn_open_bidi_stream(connection_, &stream, request) != 0) return;
    *request = {.begun = requests_ == 0 ? begun_ : now};
    nghttp3_nv fields[] = {field(":method", "GET"), field(":scheme", "https"),
                           field(":authority", target_.authority), field(":path", target_.path),
                           field("user-agent", "h3load")};
    int error =
        nghttp3_conn_submit_request(http_, stream, fields, std::size(fields), nullptr, request);
    if (error != 0) {
      fail("nghttp3_conn_submit_request", error);
      return;
    }
    free_requests_.pop_back();
    requests_++;
  }
}

void ClientConnection::on_end_of_stream(Request& request) {
  request.ended = true;
  bool complete = (!target_.length || request.received == *target_.length) &&
                  (!request.promised || request.received == *request.promised);
  if (!request.good) {
    owner_.on_wrong_response("a status was not 200");
  } else if (!complete) {
    owner_.on_wrong_response("a body had the wrong length");
  } else {
    responses_++;
    owner_.on_response(*this, now_ - request.begun);
  }
}

void ClientConnection::receive(uint64_t now) {
  now_ = now;
  ngtcp2_path way = path();
  socket_.receive([&](std::span<const uint8_t> packet, uint8_t ecn) {
    if (!failure_.empty()) return;
    ngtcp2_pkt_info info = {.ecn = ecn};
    int error = ngtcp2_conn_read_pkt(connection_, &way, &info, packet.data(), packet.size(), now);
    if (error != 0) fail("ngtcp2_conn_read_pkt", error);
  });
}

void ClientConnection::on_expiry(uint64_t now) {
  now_ = now;
  int error = ngtcp2_conn_handle_expiry(connection_, now);
  if (error != 0) fail("ngtcp2_conn_handle_expiry", error);
}

void ClientConnection::write(uint64_t now) {
  static thread_local std::array<uint8_t, UdpSocket::max_train> buffer;
  if (!failure_.empty()) return;
  if (established_) send_requests(now);
  size_t packet_size = ngtcp2_conn_get_max_tx_udp_payload_size(connection_);
  size_t used = 0;
  size_t segment = 0;
  while (true) {
    ngtcp2_ssize size = write_packet(std::span(buffer).subspan(used, packet_size), now);
    if (size < 0) {
      fail("ngtcp2_conn_writev_stream", int(size));
      return;
    }
    if (size > 0 && segment > 0 && size_t(size) > segment) {
      socket_.send(std::span(buffer).first(used), segment);
      std::copy_n(buffer.begin() + long(used), size, buffer.begin());
      used = segment = 0;
    }
    used += size_t(size);
    if (segment == 0) segment = size_t(size);
    bool last = size == 0 || size_t(size) < segment || buffer.size() - used < packet_size;
    if (last && used > 0) {
      socket_.send(std::span(buffer).first(used), segment);
      used = segment = 0;
    }
    if (size == 0) return;
  }
}

// One packet, with as many streams' bytes as fit; 0: there is nothing to send.
ngtcp2_ssize ClientConnection::write_packet(std::span<uint8_t> room, uint64_t now) {
  while (true) {
    int64_t stream = -1;
    int end = 0;
    std::array<nghttp3_vec, 8> vectors;
    nghttp3_ssize count = 0;
    if (http_ && ngtcp2_conn_get_max_data_left(connection_) > 0) {
      count = nghttp3_conn_writev_stream(http_, &stream, &end, vectors.data(), vectors.size());
      if (count < 0) return NGTCP2_ERR_CALLBACK_FAILURE;
    }
    uint32_t flags = stream < 0 ? NGTCP2_WRITE_STREAM_FLAG_NONE : NGTCP2_WRITE_STREAM_FLAG_MORE;
    if (end) flags |= NGTCP2_WRITE_STREAM_FLAG_FIN;
    ngtcp2_ssize taken = -1;
    ngtcp2_ssize size = ngtcp2_conn_writev_stream(
        connection_, nullptr, nullptr, room.data(), room.size(), &taken, flags, stream,
        reinterpret_cast<const ngtcp2_vec*>(vectors.data()), size_t(count), now);
    if (taken >= 0 && stream >= 0) nghttp3_conn_add_write_offset(http_, stream, size_t(taken));
    switch (size) {
      case NGTCP2_ERR_WRITE_MORE:
        continue;
      case NGTCP2_ERR_STREAM_DATA_BLOCKED:
        nghttp3_conn_block_stream(http_, stream);
        continue;
      case NGTCP2_ERR_STREAM_SHUT_WR:
        nghttp3_conn_shutdown_stream_write(http_, stream);
        continue;
      default:
        return size;
    }
  }
}

void ClientConnection::close(uint64_t now) {
  std::array<uint8_t, NGTCP2_MAX_UDP_PAYLOAD_SIZE> packet;
  ngtcp2_connection_close_error error;
  ngtcp2_connection_close_error_default(&error);
  ngtcp2_connection_close_error_set_application_error(&error, NGHTTP3_H3_NO_ERROR, nullptr, 0);
  ngtcp2_ssize size = ngtcp2_conn_write_connection_close(connection_, nullptr, nullptr,
                                                         packet.data(), packet.size(), &error, now);
  if (size > 0) socket_.send(std::span(packet).first(size_t(size)), size_t(size));
}

}  // namespace h3load
