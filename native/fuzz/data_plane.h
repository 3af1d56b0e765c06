#pragma once

#include <span>
#include <string>
#include <string_view>

#include "net/kernel_stack.h"
#include "proxy/data_thread.h"

/// For targets that need the whole data plane, with a Plan: they run inside Node, whose libraries
/// it uses (bin/fuzz, test/fuzz/in-node.ts).
namespace sluice::fuzz {

/// A data thread with the Plan of native/fuzz/TARGET.conf. Made once, turned by hand.
class DataPlane {
 public:
  static DataPlane& instance();

  DataThread& thread() { return *thread_; }
  const ListenAddress& listen() { return thread_->runtime().listeners[0].addresses[0]; }
  /// One end of a connection of its own; the other one is `client`.
  net::StreamPtr connect(Descriptor& client);
  /// Handles what has happened.
  void turn();

 private:
  DataPlane();

  std::string plan_;
  net::KernelStack* stack_ = nullptr;
  std::unique_ptr<DataThread> thread_;
};

}  // namespace sluice::fuzz
