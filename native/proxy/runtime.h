#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/address.h"
#include "net/stack.h"
#include "proxy/locations.h"
#include "proxy/module.h"
#include "proxy/plan.h"
#include "proxy/regex.h"
#include "proxy/rewrite_program.h"
#include "proxy/template.h"
#include "proxy/virtual_servers.h"

namespace sluice {

class DataThread;
class ErrorLog;
class UpstreamGroup;
namespace tls {
class ClientContext;
}

/// One server, location, `if` or limit_except: every module's configuration there.
struct Block {
  std::array<const ModuleConf*, module_count> confs{};

  template <class Conf>
  const Conf& conf() const {
    return *static_cast<const Conf*>(confs[size_t(Conf::id)]);
  }
};

struct ConnectionConf {
  uint32_t client_header_timeout = 60'000;
  uint32_t client_header_buffer_size = 1024;
  uint32_t large_buffer_count = 4;
  uint32_t large_buffer_size = 8192;
  uint32_t max_headers = 1000;
  bool ignore_invalid_headers = true;
  bool underscores_in_headers = false;
  bool merge_slashes = true;
};

struct Server {
  std::string_view name;
  const Block* block = nullptr;
  LocationTree locations;
  RewriteProgram rewrite;
  ConnectionConf connection;
};

/// One `listen` address: what a connection that came by it is.
struct ListenAddress {
  std::string_view address;  ///< empty: any
  std::optional<net::Address> parsed;
  std::string_view listener;  ///< the socket's address, as nginx prints it
  bool proxy_protocol = false;
  bool tls = false;
  bool http2 = false;  ///< `listen … http2`
  bool quic = false;   ///< `listen … quic`
  VirtualServers servers;
};

struct ListenerConf {
  net::ListenSocket socket;
  std::string_view address;  ///< as nginx prints it
  int worker = -1;           ///< with reuseport: whose it is
  bool datagram = false;     ///< UDP: all its addresses speak QUIC
  std::vector<ListenAddress> addresses;
};

/// A variable's slot.
struct Variable {
  std::string_view name;
  VariableGetter get = nullptr;  ///< null: only `set`, captures give it a value
  VariableSetter set = nullptr;
  std::uintptr_t data = 0;
  bool cacheable = true;
};

/// The Plan as the data thread executes it: built once at start, then read only.
class Runtime {
 public:
  /// Null with `error` set when the Plan does not fit this build.
  static std::unique_ptr<Runtime> build(DataThread& thread, const plan::Node& plan,
                                        std::string& error);
  ~Runtime();

  DataThread& thread;

  std::vector<Variable> variables;
  std::vector<std::unique_ptr<Regex>> regexes;
  std::vector<std::unique_ptr<ErrorLog>> error_logs;
  std::vector<std::unique_ptr<UpstreamGroup>> upstreams;
  std::vector<std::unique_ptr<tls::ClientContext>> tls_clients;
  std::vector<ListenerConf> listeners;
  std::vector<Block> blocks;
  std::vector<Server> servers;
  std::vector<PhaseHandler> phase_handlers;  ///< in phase order
  std::array<uint16_t, phase_count + 1>
      phase_start{};  ///< where each phase begins in phase_handlers
  /// The first phase, from each one on, in which anything happens.
  std::array<Phase, phase_count> next_busy_phase{};
  std::vector<Verdict (*)(Exchange&)> header_filters;

  std::string_view version;  ///< `nginx/1.31.5`
  std::string_view prefix;

  /// While building: notes the first thing that does not fit.
  void fail(std::string message);
  const Regex* regex(const plan::Node& index) const;
  const Block* block(const plan::Node& index) const;
  Verdict (*handler(std::string_view module_name))(Exchange&);
  /// Whether some configuration of a module, of whatever block, is such a one.
  template <class Conf, class Condition>
  bool any_conf(Condition condition) const {
    for (const std::unique_ptr<ModuleConf>& conf : confs_[size_t(Conf::id)]) {
      if (conf && condition(static_cast<const Conf&>(*conf))) return true;
    }
    return false;
  }
  /// A module's data of the whole http block (keep() owns it): set by read_main, there for
  /// read_conf and ever after.
  template <class Main>
  Main*& main() {
    return reinterpret_cast<Main*&>(mains_[size_t(Main::id)]);
  }
  /// A module's own data for the whole http block, kept until the runtime goes.
  template <class T, class... Args>
  T* keep(Args&&... args) {
    auto owned = std::make_shared<T>(std::forward<Args>(args)...);
    T* raw = owned.get();
    kept_.push_back(std::move(owned));
    return raw;
  }

 private:
  explicit Runtime(DataThread& data_thread);
  void read_variables(const plan::Node& nodes);
  void read_tls_clients(const plan::Node& nodes);
  void read_regexes(const plan::Node& nodes);
  void read_listeners(const plan::Node& nodes);
  void read_http(const plan::Node& node);
  void collect_phases();

  std::array<std::vector<std::unique_ptr<ModuleConf>>, module_count> confs_;
  std::array<void*, module_count> mains_{};
  std::vector<std::shared_ptr<void>> kept_;
  std::string error_;
};

}  // namespace sluice
