#include "quic/connection_callbacks.h"

#include <openssl/rand.h>

#include <algorithm>

#include "quic/connection.h"
#include "quic/endpoint.h"
#include "quic/packet_protection.h"

namespace sluice::quic {

std::vector<StopSending>& ConnectionCallbacks::stops() {
  static thread_local std::vector<StopSending> found;
  return found;
}

const ngtcp2_callbacks& ConnectionCallbacks::table() {
  static const ngtcp2_callbacks callbacks = [] {
    ngtcp2_callbacks made = {};
    // --- TLS ---
    made.recv_client_initial = [](ngtcp2_conn*, const ngtcp2_cid* id, void* self) {
      return static_cast<Connection*>(self)->install_initial_keys({id->data, id->datalen});
    };
    made.recv_crypto_data = [](ngtcp2_conn*, ngtcp2_crypto_level level, uint64_t,
                               const uint8_t* data, size_t size, void* self) {
      return static_cast<Connection*>(self)->handshake_->receive(level, {data, size});
    };
    made.handshake_completed = [](ngtcp2_conn*, void* self) {
      static_cast<Connection*>(self)->on_handshake_complete();
      return 0;
    };
    made.recv_tx_key = [](ngtcp2_conn*, ngtcp2_crypto_level level, void* self) {
      Application* application = static_cast<Connection*>(self)->application_;
      if (level == NGTCP2_CRYPTO_LEVEL_APPLICATION && application) application->on_ready();
      return 0;
    };
    made.encrypt = encrypt;
    made.decrypt = [](uint8_t* out, const ngtcp2_crypto_aead* aead,
                      const ngtcp2_crypto_aead_ctx* context, const uint8_t* sealed, size_t size,
                      const uint8_t* nonce, size_t nonce_size, const uint8_t* associated,
                      size_t associated_size) {
      int error =
          decrypt(out, aead, context, sealed, size, nonce, nonce_size, associated, associated_size);
      if (error == 0) find_stop_sending({out, size - CipherSuite::tag_size}, stops());
      return error;
    };
    made.hp_mask = header_mask;
    made.update_key = Handshake::update_keys;
    made.delete_crypto_aead_ctx = delete_aead;
    made.delete_crypto_cipher_ctx = delete_cipher;
    // Version 1 alone is offered: there is nothing to change to.
    made.version_negotiation = [](ngtcp2_conn*, uint32_t, const ngtcp2_cid*, void*) -> int {
      return NGTCP2_ERR_CALLBACK_FAILURE;
    };

    // --- Identity and path ---
    made.rand = [](uint8_t* out, size_t size, const ngtcp2_rand_ctx*) {
      RAND_bytes(out, int(size));
    };
    made.get_new_connection_id = [](ngtcp2_conn*, ngtcp2_cid* id, uint8_t* token, size_t,
                                    void* user) {
      auto& self = *static_cast<Connection*>(user);
      ConnectionId made_id = self.endpoint_.new_id(self);
      ngtcp2_cid_init(id, made_id.bytes.data(), made_id.size);
      std::ranges::copy(self.endpoint_.keys().reset_token(made_id), token);
      return 0;
    };
    made.remove_connection_id = [](ngtcp2_conn*, const ngtcp2_cid* id, void* user) {
      auto& self = *static_cast<Connection*>(user);
      ConnectionId removed({id->data, id->datalen});
      self.endpoint_.remove_id(removed);
      std::erase(self.ids_, removed);
      return 0;
    };
    made.get_path_challenge_data = [](ngtcp2_conn*, uint8_t* data, void*) {
      RAND_bytes(data, NGTCP2_PATH_CHALLENGE_DATALEN);
      return 0;
    };
    made.path_validation = [](ngtcp2_conn* connection, uint32_t, const ngtcp2_path* path,
                              ngtcp2_path_validation_result result, void* self) {
      bool current = ngtcp2_path_eq(path, ngtcp2_conn_get_path(connection));
      if (result == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS && current) {
        static_cast<Connection*>(self)->note_path(*path);
      }
      return 0;
    };

    // --- Streams ---
    made.recv_stream_data = [](ngtcp2_conn*, uint32_t flags, int64_t stream, uint64_t,
                               const uint8_t* data, size_t size, void* self, void*) {
      Application* application = static_cast<Connection*>(self)->application_;
      bool end = flags & NGTCP2_STREAM_DATA_FLAG_FIN;
      if (application) application->on_stream_data(stream, {data, size}, end);
      return 0;
    };
    made.acked_stream_data_offset = [](ngtcp2_conn*, int64_t stream, uint64_t, uint64_t size,
                                       void* user, void*) {
      auto& self = *static_cast<Connection*>(user);
      self.acknowledged_ = true;
      if (self.application_) self.application_->on_acknowledged(stream, size);
      return 0;
    };
    made.stream_close = [](ngtcp2_conn* connection, uint32_t, int64_t stream, uint64_t, void* self,
                           void*) {
      static_cast<Connection*>(self)->forget_stop(stream);
      Application* application = static_cast<Connection*>(self)->application_;
      if (application) application->on_stream_closed(stream);
      if (!ngtcp2_conn_is_local_stream(connection, stream)) {
        ngtcp2_is_bidi_stream(stream) ? ngtcp2_conn_extend_max_streams_bidi(connection, 1)
                                      : ngtcp2_conn_extend_max_streams_uni(connection, 1);
      }
      return 0;
    };
    made.stream_reset = [](ngtcp2_conn*, int64_t stream, uint64_t, uint64_t error, void* self,
                           void*) {
      Application* application = static_cast<Connection*>(self)->application_;
      if (application) application->on_stream_reset(stream, error);
      return 0;
    };
    made.extend_max_stream_data = [](ngtcp2_conn*, int64_t stream, uint64_t, void* self, void*) {
      Application* application = static_cast<Connection*>(self)->application_;
      if (application) application->on_stream_room(stream);
      return 0;
    };
    made.recv_datagram = [](ngtcp2_conn*, uint32_t, const uint8_t* data, size_t size, void* self) {
      Application* application = static_cast<Connection*>(self)->application_;
      if (application) application->on_datagram({data, size});
      return 0;
    };
    made.extend_max_local_streams_uni =
        made.extend_max_local_streams_bidi = [](ngtcp2_conn*, uint64_t, void* self) {
          Application* application = static_cast<Connection*>(self)->application_;
          if (application) application->on_streams_allowed();
          return 0;
        };
    return made;
  }();
  return callbacks;
}

}  // namespace sluice::quic
