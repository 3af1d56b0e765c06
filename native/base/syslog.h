#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "base/file.h"

namespace sluice {

/// A syslog server, told by datagrams over UDP or a unix socket (RFC 3164, as nginx writes it).
/// Never blocks: what the socket doesn't take is lost.
class Syslog {
 public:
  struct Options {
    int facility = 23;  ///< local7
    std::string tag = "nginx";
    std::string host;  ///< empty: the line has none (nohostname)
  };

  Syslog(const sockaddr* server, socklen_t length, Options options);

  /// `severity` is RFC 3164's, 0 (emergency) to 7 (debug). False: the message is lost.
  bool send(int severity, std::string_view message);

 private:
  bool connect();

  sockaddr_storage server_ = {};
  socklen_t length_;
  Options options_;
  Descriptor socket_;
};

}  // namespace sluice
