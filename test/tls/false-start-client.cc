// A TLS 1.2 client that sends its request before it has the server's Finished (RFC 7918), with GnuTLS:
// false-start-client PORT on|off. Prints `false start` or `full`, then what the server answers.
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

int main(int count, char** words) {
  if (count != 3) return 2;
  bool early = std::string_view(words[2]) == "on";
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(uint16_t(std::atoi(words[1])));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0) return 1;

  gnutls_certificate_credentials_t credentials;
  gnutls_certificate_allocate_credentials(&credentials);
  gnutls_session_t session;
  gnutls_init(&session, GNUTLS_CLIENT | (early ? GNUTLS_ENABLE_FALSE_START : 0));
  gnutls_priority_set_direct(session, "NORMAL:-VERS-ALL:+VERS-TLS1.2", nullptr);
  gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
  const gnutls_datum_t protocol{(unsigned char*)"http/1.1", 8};
  gnutls_alpn_set_protocols(session, &protocol, 1, 0);
  gnutls_transport_set_int(session, socket);
  int outcome = gnutls_handshake(session);
  if (outcome < 0) {
    std::fprintf(stderr, "%s\n", gnutls_strerror(outcome));
    return 1;
  }
  constexpr std::string_view request = "GET / HTTP/1.0\r\n\r\n";
  gnutls_record_send(session, request.data(), request.size());
  bool started = gnutls_session_get_flags(session) & GNUTLS_SFLAGS_FALSE_START;
  std::printf("%s\n", started ? "false start" : "full");
  char answer[4096];
  for (ssize_t size; (size = gnutls_record_recv(session, answer, sizeof answer)) > 0;) {
    std::fwrite(answer, 1, size_t(size), stdout);
  }
  gnutls_deinit(session);
  gnutls_certificate_free_credentials(credentials);
  ::close(socket);
}
