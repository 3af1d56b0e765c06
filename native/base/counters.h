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
  COUNTER(http3_floods, http3, floods, "HTTP/3 connections ended for flooding")                \
  COUNTER(upstream_requests, upstream, requests, "Requests passed on, each try of them")       \
  COUNTER(upstream_connections, upstream, connections, "Connections opened to upstreams")      \
  COUNTER(upstream_reused, upstream, reused, "Requests on a kept upstream connection")         \
  COUNTER(upstream_failures, upstream, failures, "Tries that ended in an error or a time-out") \
  COUNTER(tls_full, tls, handshakes_full, "Full TLS handshakes with clients")                  \
  COUNTER(tls_by_ticket, tls, handshakes_by_ticket, "Handshakes resumed by a session ticket")  \
  COUNTER(tls_by_session, tls, handshakes_by_session, "Handshakes resumed by a kept session")  \
  COUNTER(tls_by_remote_session, tls, handshakes_by_remote_session,                            \
          "Handshakes resumed by a session of the store")                                      \
  COUNTER(tls_failed, tls, handshakes_failed, "TLS handshakes that failed")                    \
  COUNTER(sessions_kept, sessions, kept, "Sessions put into zones of this host")               \
  COUNTER(sessions_found, sessions, found, "Sessions looked up and found on this host")        \
  COUNTER(sessions_missed, sessions, missed, "Sessions looked up and not found on this host")  \
  COUNTER(remote_found, sessions, remote_found, "Sessions found in the store")                 \
  COUNTER(remote_missed, sessions, remote_missed, "Sessions that the store doesn't have")      \
  COUNTER(remote_late, sessions, remote_late, "Questions that the store answered too late")    \
  COUNTER(remote_failed, sessions, remote_failed, "Questions that failed in the store")        \
  COUNTER(remote_unreadable, sessions, remote_unreadable,                                      \
          "Entries of the store that our keys don't open")                                     \
  COUNTER(remote_skipped, sessions, remote_skipped,                                            \
          "Questions not asked while the store is left alone")                                 \
  COUNTER(remote_kept, sessions, remote_kept, "Sessions written to the store")                 \
  COUNTER(remote_lost, sessions, remote_lost, "Sessions that the store didn't take")           \
  GAUGE(stores_up, sessions, stores_up, "Connections of workers to a session store that work") \
  GAUGE(stores_full, sessions, stores_full, "Those whose store has no room for what is new")   \
  GAUGE(stores_down, sessions, stores_down, "Those whose store is left alone")                 \
  COUNTER(early_data_let_in, early_data, let_in, "Uses of early data that were the first")     \
  COUNTER(early_data_replayed, early_data, replayed, "Uses of early data refused as a replay") \
  COUNTER(early_data_refused, early_data, refused,                                             \
          "Early data refused as nobody knows whether it is a replay")                         \
  COUNTER(early_data_limited, early_data, limited,                                             \
          "Early data refused as too much of it would have to be noted")

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
