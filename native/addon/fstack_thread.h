#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/flow_director.h"
#include "net/fstack_stack.h"

namespace sluice::addon {

struct FstackOptions {
  std::string library;        ///< bin/build-fstack's
  std::string configuration;  ///< path of the ini
  int process = 0;
  int board =
      -1;  ///< a FlowBoard: where the device doesn't tell workers' packets apart; -1: it does
  net::FlowDirector::Place place;
  bool exclusive = false;  ///< each worker has the device for itself (net_af_packet)
  std::vector<std::string> devices;
  net::FstackStack::Settings settings;
};

/// The thread that F-Stack was started on. It waits to become the data thread, for F-Stack's calls
/// belong to the thread that started it; the process may change its user meanwhile.
class FstackThread {
 public:
  /// Once per process. Null where F-Stack can't start; `output` is what it has printed.
  static std::unique_ptr<FstackThread> start(const FstackOptions& options, std::string& output);
  /// Lets the thread end, if it hasn't become another one.
  ~FstackThread();

  std::unique_ptr<net::FstackStack> make_stack() const;
  /// Has the thread do `work`; it is the caller's to join.
  std::thread become(std::function<void()> work);

 private:
  FstackThread(const net::FstackApi& api, net::FstackStack::Settings settings,
               std::unique_ptr<net::FlowDirector> director)
      : api_(api), settings_(std::move(settings)) {
    settings_.director = std::move(director);
  }

  const net::FstackApi& api_;
  net::FstackStack::Settings settings_;
  std::promise<std::function<void()>> work_;
  std::thread thread_;
};

/// The library's table; null with `error` set.
const net::FstackApi* load_fstack(const std::string& library, std::string& error);

}  // namespace sluice::addon
