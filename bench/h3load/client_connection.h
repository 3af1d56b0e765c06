#pragma once

#include <gnutls/gnutls.h>
#include <nghttp3/nghttp3.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "udp_socket.h"

namespace h3load {

/// Nanoseconds, as ngtcp2 counts them.
uint64_t monotonic_ns();

/// What all connections ask for.
struct Target {
  sockaddr_storage address{};
  socklen_t address_size = 0;
  std::string host;  ///< the name of SNI; empty for a numeric one, which has none
  std::string authority;
  std::string path;
  std::optional<uint64_t> length;  ///< of a body that is right
};

/// A client's HTTP/3 connection that asks for one thing again and again: ngtcp2 with GnuTLS,
/// nghttp3 above it.
class ClientConnection {
 public:
  class Owner {
   public:
    /// Whether to send another request, on a connection that has sent so many.
    virtual bool wants_request(uint64_t sent) = 0;
    /// Complete, status 200, and of the right length.
    virtual void on_response(ClientConnection& connection, uint64_t latency) = 0;
    /// A response that is something else.
    virtual void on_wrong_response(std::string_view why) = 0;

   protected:
    ~Owner() = default;
  };

  ClientConnection(Owner& owner, const Target& target, gnutls_certificate_credentials_t credentials,
                   uint32_t streams);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection();

  /// False: failure() says why.
  bool begin(uint64_t now);
  int descriptor() const { return socket_.descriptor(); }
  /// Takes what has come. Whatever fails from here on is told by failure(), and the connection is
  /// of no use any more.
  void receive(uint64_t now);
  /// Sends what is due, new requests among it; after each receive() and at each expiry().
  void write(uint64_t now);
  /// Tells the server that this is the end.
  void close(uint64_t now);
  /// When write() is due even if nothing comes.
  uint64_t expiry() const { return ngtcp2_conn_get_expiry(connection_); }
  void on_expiry(uint64_t now);
  const std::string& failure() const { return failure_; }
  uint64_t requests() const { return requests_; }
  /// That have had no outcome yet.
  size_t open_requests() const { return requests_of_streams_.size() - free_requests_.size(); }
  uint64_t responses() const { return responses_; }

  // --- Its owner's notes ---
  bool scheduled = false;       ///< has something to do
  uint64_t timer = UINT64_MAX;  ///< when it is looked at next

 private:
  friend struct QuicCallbacks;
  friend struct HttpCallbacks;
  struct Request {
    uint64_t begun = 0;
    uint64_t received = 0;
    std::optional<uint64_t> promised = {};  ///< content-length
    bool good = false;                      ///< status 200
    bool ended = false;
  };

  bool begin_tls();
  bool begin_http();
  void send_requests(uint64_t now);
  ngtcp2_ssize write_packet(std::span<uint8_t> room, uint64_t now);
  void on_end_of_stream(Request& request);
  void fail(std::string_view call, int error);
  ngtcp2_path path() const;

  Owner& owner_;
  const Target& target_;
  gnutls_certificate_credentials_t credentials_;
  UdpSocket socket_;
  gnutls_session_t tls_ = nullptr;
  ngtcp2_conn* connection_ = nullptr;
  nghttp3_conn* http_ = nullptr;
  ngtcp2_crypto_conn_ref reference_{};
  std::vector<Request> requests_of_streams_;  ///< one for each that may be open at once
  std::vector<Request*> free_requests_;
  uint64_t now_ = 0;
  uint64_t begun_ = 0;
  uint64_t requests_ = 0;
  uint64_t responses_ = 0;
  bool established_ = false;
  std::string failure_;
};

}  // namespace h3load
