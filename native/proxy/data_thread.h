#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/counters.h"
#include "base/file.h"
#include "base/intrusive_list.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/shared_counters.h"
#include "base/timer.h"
#include "net/stack.h"
#include "proxy/disposable.h"
#include "proxy/log_descriptors.h"
#include "proxy/runtime.h"

namespace sluice {

class Acceptor;
class QuicListeners;

/// A connection that can be closed while it waits for a next request. Idle ones are closed on quit,
/// and when connections run out.
class ClientConnection : public ListHook<struct ConnectionList>, public Disposable {
 public:
  /// Closes if no request is in progress; otherwise lets the current one be the last.
  virtual void drain() = 0;
  /// Closes whatever happens.
  virtual void terminate() = 0;

 private:
  friend class DataThread;
  bool idle_ = false;
};

/// What the data thread asks the control thread (ring; src/fstack-binding).
class ControlChannel {
 public:
  /// Sends a question; false when the ring is full (then: the outcome of a failed answer).
  virtual bool ask(uint32_t id, std::string_view kind, std::span<const char> payload) = 0;

 protected:
  ~ControlChannel() = default;
};

struct DataThreadOptions {
  std::span<const char> plan;    ///< CBOR, mapped for the life of the process
  std::vector<int> descriptors;  ///< by position in the Plan's `fds`
  uint32_t worker = 0;           ///< this worker's number
  ControlChannel* control = nullptr;
  /// Called on the data thread; none: the kernel's.
  std::function<std::unique_ptr<net::Stack>()> make_stack = {};
};

/// One worker's data plane: the stack, the connections, the runtime. Everything but post() belongs
/// to its own thread.
class DataThread : private net::Stack::TurnObserver {
 public:
  /// Null with `error` set when the Plan does not fit.
  static std::unique_ptr<DataThread> create(const DataThreadOptions& options, std::string& error);
  ~DataThread();

  /// Serves until drained or stopped.
  void run();

  /// From the control thread: `quit` drains, `stop` ends at once, `reopen_logs` opens log files
  /// again by path, `answer` brings what was asked (empty: nothing was found out), `news` what was
  /// not.
  struct Command {
    enum class Kind : uint8_t { quit, stop, reopen_logs, answer, news } kind;
    uint32_t question = 0;
    std::string payload;
    std::string topic;  ///< of news
  };
  void post(Command command) { commands_.post(std::move(command)); }

  // --- For the data plane's parts, on the data thread ---
  net::Stack& stack() { return *stack_; }
  Runtime& runtime() { return *runtime_; }
  ErrorLog& error_log() { return *error_log_; }
  bool draining() const { return draining_; }
  uint64_t next_connection_number();

  /// A descriptor of the Plan's `fds`.
  int descriptor(int64_t index) const;

  /// Client connections are the thread's, and each holds a connection slot that was taken for it.
  void add_connection(std::unique_ptr<ClientConnection> connection);
  /// Gives its slot back and buries it.
  void remove_connection(ClientConnection& connection);
  void set_idle(ClientConnection& connection, bool idle);

  /// Connections of either side count against worker_connections; when these run short, idle client
  /// connections are closed, the longest idle first. False: none left.
  bool take_connection_slot();
  void release_connection_slot();
  /// Closes up to `count` idle client connections.
  void free_idle_connections(size_t count);

  /// Destroyed at the end of this turn.
  void bury(std::unique_ptr<Disposable> disposable);

  /// Asks the control thread; `on_answer(context, ok, payload)` runs on this thread, with ok =
  /// false after `deadline_ms`.
  using AnswerHandler = void (*)(void* context, bool ok, std::string_view payload);
  uint32_t ask(std::string_view kind, std::span<const char> payload, uint32_t deadline_ms,
               AnswerHandler on_answer, void* context);
  void forget_question(uint32_t id);
  /// Tells the control thread something that has no answer; false when the ring is full.
  bool tell(std::string_view kind, std::span<const char> payload);
  /// An unasked message of the control thread (a re-resolved peer list …), by kind.
  using NewsHandler = void (*)(void* context, std::string_view payload);
  void on_news(std::string_view kind, NewsHandler handler, void* context);

  /// Log files that batch: written at the end of each turn.
  class TurnEnd : public ListHook<struct TurnEndList> {
   public:
    virtual void on_turn_end() = 0;

   protected:
    ~TurnEnd() = default;
  };
  void at_turn_end(TurnEnd& callback);
  /// Writes what it has collected; asked to before the files are opened anew, and at the end.
  class LogFile {
   public:
    virtual void flush() = 0;

   protected:
    ~LogFile() = default;
  };
  void register_log_file(LogFile& file);

  /// This worker's counters; plain integers, one writer. Other workers see them after each turn.
  Counters& counters = Counters::of_thread();
  /// Those of all workers.
  Counters sum_counters() const;

 private:
  struct Question;
  explicit DataThread(const DataThreadOptions& options);
  bool start(std::string& error);
  void on_turn_end() override;
  void run(Command& command);
  void answer(uint32_t question, std::string_view payload);
  void drain();
  void terminate();
  void reopen_logs();
  void end_when_idle();

  DataThreadOptions options_;
  std::unique_ptr<net::Stack> stack_;
  std::unique_ptr<Runtime> runtime_;
  ErrorLog* error_log_ = nullptr;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::unique_ptr<QuicListeners> quic_;  ///< null: nothing listens there
  IntrusiveList<ClientConnection, struct ConnectionList> busy_;
  IntrusiveList<ClientConnection, struct ConnectionList> idle_;
  std::vector<std::unique_ptr<Disposable>> graveyard_;
  std::vector<std::unique_ptr<Disposable>> dying_;  ///< empty between turns, but for its capacity
  IntrusiveList<TurnEnd, struct TurnEndList> turn_ends_;
  std::vector<LogFile*> log_files_;
  LogDescriptors log_descriptors_;
  std::unique_ptr<SharedCounters> shared_counters_;  ///< null: no other worker's are known
  std::unordered_map<uint32_t, std::unique_ptr<Question>> questions_;
  struct News {
    std::string kind;
    NewsHandler handler;
    void* context;
  };
  std::vector<News> news_;
  Mailbox<Command, 1024> commands_;
  Timer shutdown_timer_;
  uint64_t last_connection_ = 0;
  uint32_t next_question_ = 1;
  uint32_t connections_in_use_ = 0;
  uint32_t worker_connections_ = 512;
  uint32_t shutdown_timeout_ms_ = 0;
  int64_t reused_at_ = 0;  ///< the last second in which idle connections had to make room
  bool draining_ = false;
  bool terminating_ = false;
};

}  // namespace sluice
