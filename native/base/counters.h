#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// Everything that is counted, for `sluice_status` and `stub_status`. To count something more, add
/// one line here, and `Counters::of_thread().MEMBER++` where it happens. The line: the member's
/// name, then the section and the name that the status page shows it under, then what Prometheus is
/// told it means. COUNTER only grows; GAUGE is a state that comes and goes.
#define SLUICE_COUNTERS(COUNTER, GAUGE)                                                        \
  COUNTER(accepted, connections, accepted, "Client connections that came")                     \
  COUNTER(handled, connections, handled, "Client connections that were taken on")              \
  GAUGE(active, connections, active, "Client connections that are open")                       \
  GAUGE(reading, connections, reading, "Connections whose request head is being read")         \
  GAUGE(writing, connections, writing, "Connections whose request is being answered")          \
  GAUGE(waiting, connections, waiting, "Connections that wait for a request")                  \
  COUNTER(requests, http, requests, "Requests of clients")                                     \
  COUNTER(http2_resets, http2, resets,                                                         \
          "Streams that ended before their answer by a client's doing")                        \
  COUNTER(http2_floods, http2, floods, "HTTP/2 connections ended for flooding")                \
  COUNTER(upstream_requests, upstream, requests, "Requests passed on, each try of them")       \
  COUNTER(upstream_connections, upstream, connections, "Connections opened to upstreams")      \
  COUNTER(upstream_reused, upstream, reused, "Requests on a kept upstream connection")         \
  COUNTER(upstream_failures, upstream, failures, "Tries that ended in an error or a time-out") \
  COUNTER(tls_full, tls, handshakes_full, "Full TLS handshakes with clients")                  \
  COUNTER(tls_by_ticket, tls, handshakes_by_ticket, "Handshakes resumed by a session ticket")  \
  COUNTER(tls_by_session, tls, handshakes_by_session, "Handshakes resumed by a kept session")  \
  COUNTER(tls_failed, tls, handshakes_failed, "TLS handshakes that failed")                    \
  COUNTER(sessions_kept, sessions, kept, "Sessions put into zones of this host")               \
  COUNTER(sessions_found, sessions, found, "Sessions looked up and found on this host")        \
  COUNTER(sessions_missed, sessions, missed, "Sessions looked up and not found on this host")

namespace sluice {

struct Counters {
  using Value = uint64_t;

#define SLUICE_MEMBER(member, ...) Value member = 0;
  SLUICE_COUNTERS(SLUICE_MEMBER, SLUICE_MEMBER)
#undef SLUICE_MEMBER

  /// This thread's own.
  static Counters& of_thread();

  struct Description {
    Value Counters::*member;
    std::string_view section, name, meaning;
    bool is_gauge;
  };
#define SLUICE_ONE(...) +1
  static constexpr size_t count = 0 SLUICE_COUNTERS(SLUICE_ONE, SLUICE_ONE);
#undef SLUICE_ONE
  /// All of them; those of a section stand together.
  static const std::array<Description, count> descriptions;
};

}  // namespace sluice
