#pragma once

#include <napi.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "addon/inbox.h"
#include "proxy/data_thread.h"

namespace sluice::addon {

/// The one data plane of this process: its thread, and the way from that thread to JavaScript.
/// Questions wait in a ring; one call wakes JavaScript for all that are there.
class DataPlane final : private ControlChannel {
 public:
  /// `on_question(id, kind, payload)` and `on_end()` are called on the control thread.
  DataPlane(Napi::Env env, Napi::Function on_question, Napi::Function on_end);
  /// Stops the data thread, if it still runs, and waits for it.
  ~DataPlane();
  DataPlane(const DataPlane&) = delete;
  DataPlane& operator=(const DataPlane&) = delete;

  /// Returns when the Plan has been read and the listeners are open, or with what is wrong with the
  /// Plan.
  std::string start(DataThreadOptions options);
  void post(DataThread::Command command);

 private:
  struct Question {
    uint32_t id = 0;
    std::string kind;
    std::string payload;
  };
  static constexpr size_t questions_waiting = 1024;

  static void hand_over(void*, const Napi::Function& on_question, Question& question);
  bool ask(uint32_t id, std::string_view kind, std::span<const char> payload) override;

  Inbox<Question, questions_waiting> inbox_;
  std::shared_ptr<DataThread> data_thread_;
  std::thread thread_;
};

}  // namespace sluice::addon
