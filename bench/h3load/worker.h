#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "client_connection.h"
#include "latencies.h"

namespace h3load {

/// What one run is to do.
struct Load {
  Target target;
  uint32_t connections = 1;                      ///< at once
  uint32_t streams = 1;                          ///< at once on each of them
  uint64_t requests_of_connection = UINT64_MAX;  ///< then it is replaced by a new one
  uint64_t requests = UINT64_MAX;                ///< then the run ends
  double seconds = 0;                            ///< 0: it has no such end
};

struct Tally {
  uint64_t responses = 0;
  uint64_t connections = 0;  ///< that had a response
  Latencies latencies;
  std::map<std::string, uint64_t, std::less<>> errors;
};

/// One thread's share of a load: its connections take turns, with one epoll_wait() for all of them.
class Worker final : private ClientConnection::Owner {
 public:
  explicit Worker(const Load& load);
  ~Worker();

  /// Until the load's end.
  void run();
  /// Opens so many more connections, makes one request on each, and returns when all have had their
  /// response or failed.
  void open_idle(uint32_t count);
  /// Keeps open what open_idle() has opened, until something can be read from `descriptor`.
  void hold(int descriptor);
  const Tally& tally() const { return tally_; }

 private:
  using Owner = ClientConnection::Owner;
  /// With its handshake: more at once would be another test than that of idle connections.
  static constexpr uint32_t opened_at_once = 32;

  bool wants_request(uint64_t sent) override;
  void on_response(ClientConnection& connection, uint64_t latency) override;
  void on_wrong_response(std::string_view why) override;

  void open();
  void schedule(ClientConnection& connection);
  void turn();
  void settle(ClientConnection& connection);
  void set_timer(ClientConnection& connection, uint64_t expiry);
  void remove(ClientConnection& connection);
  void count_error(std::string_view what);

  const Load& load_;
  gnutls_certificate_credentials_t credentials_ = nullptr;
  int poll_ = -1;
  std::map<ClientConnection*, std::unique_ptr<ClientConnection>> connections_;
  std::set<std::pair<uint64_t, ClientConnection*>> timers_;
  std::vector<ClientConnection*> scheduled_;
  Tally tally_;
  uint64_t now_ = 0;
  uint64_t wanted_ = 0;    ///< requests that may still be sent
  uint64_t answered_ = 0;  ///< requests that have had an outcome, whatever it was
  uint32_t opening_ = 0;   ///< connections of open_idle() without a response
  bool idle_ = false;
  bool interrupted_ = false;
};

}  // namespace h3load
