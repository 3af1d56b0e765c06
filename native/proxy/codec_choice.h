#pragma once

#include <span>
#include <string_view>

#include "http/downstream.h"
#include "proxy/data_thread.h"

namespace sluice {

struct Server;

/// Starts the codec that the client speaks: what TLS has agreed on, or in the clear what the first
/// bytes say where HTTP/2 is on (RFC 9113 section 3.3). `first`: bytes that have come already.
void serve(DataThread& thread, const ListenAddress& listen, net::StreamPtr stream,
           const http::ConnectionFacts& facts, std::string_view first = {});

/// What TLS can agree on for a server (RFC 7301), in the order of preference.
std::span<const unsigned char> spoken_protocols(const ListenAddress& listen, const Server& server);

}  // namespace sluice
