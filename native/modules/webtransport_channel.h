#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/intrusive_list.h"
#include "base/timer.h"
#include "modules/webtransport_message.h"
#include "proxy/data_thread.h"
#include "proxy/module.h"

namespace sluice {

class WebTransportSession;

/// A worker's sessions and their handlers on the control thread. News go in batches of bounded
/// size, one at a time: the next one waits until the control thread has taken the last, and what it
/// would say waits where it came from.
class WebTransportChannel final : private DataThread::TurnEnd {
 public:
  static constexpr ModuleId id = ModuleId::http_webtransport;

  explicit WebTransportChannel(DataThread& thread);

  /// Returns the session's number.
  uint32_t add(WebTransportSession& session);
  void remove(uint32_t session);

  /// The control thread is far behind: no session should begin.
  bool overloaded() const { return batch_.size() > 4 * batch_size; }

  /// Something that has news.
  class Source : public ListHook<struct SourcesWithNews> {
   public:
    /// Appends them, some `most` bytes at most. True: it has more.
    virtual bool tell(std::string& batch, size_t most) = 0;

   protected:
    ~Source() = default;
  };
  void has_news(Source& source);
  /// Appends all that it has, at once.
  void tell_all(Source& source);
  /// A message of a session that is not to wait for others.
  void put(webtransport::News kind, uint32_t session, std::string_view payload);

 private:
  /// Of a batch, in bytes.
  static constexpr size_t batch_size = 256 * 1024;
  static constexpr uint64_t retry_ms = 10;

  void on_turn_end() override;
  void send_later();
  void on_orders(std::string_view orders);

  DataThread& thread_;
  std::unordered_map<uint32_t, WebTransportSession*> sessions_;
  IntrusiveList<Source, SourcesWithNews> sources_;
  std::string batch_;
  Timer retry_;  ///< the ring was full
  uint32_t last_session_ = 0;
  bool under_way_ = false;  ///< a batch that was not taken yet
};

}  // namespace sluice
