#include "proxy/data_thread.h"

#include <utility>

#include "base/clock.h"
#include "net/kernel_stack.h"
#include "proxy/acceptor.h"
#include "proxy/exchange.h"
#include "proxy/quic_listeners.h"
#include "proxy/upstream_group.h"

namespace sluice {

/// What was asked of the control thread and not answered yet.
struct DataThread::Question {
  Question(DataThread& data_thread, uint32_t number) : thread(data_thread), id(number) {
    deadline.bind<&Question::on_deadline>(this);
  }
  void on_deadline() { thread.answer(id, {}); }

  DataThread& thread;
  uint32_t id;
  AnswerHandler on_answer = nullptr;
  void* context = nullptr;
  Timer deadline;
};

std::unique_ptr<DataThread> DataThread::create(const DataThreadOptions& options,
                                               std::string& error) {
  std::unique_ptr<DataThread> thread(new DataThread(options));
  if (!thread->start(error)) return nullptr;
  return thread;
}

DataThread::DataThread(const DataThreadOptions& options) : options_(options) {}

// Connections may refer to the runtime until they are gone.
DataThread::~DataThread() {
  terminate();
  graveyard_.clear();
  acceptors_.clear();
  quic_.reset();
  questions_.clear();
  runtime_.reset();
}

bool DataThread::start(std::string& error) {
  std::unique_ptr<plan::Document> plan = plan::Document::decode(options_.plan, error);
  if (!plan) return false;
  stack_ = options_.make_stack ? options_.make_stack() : net::KernelStack::create();
  options_.make_stack = nullptr;
  if (!stack_ || !commands_) {
    error = "the event loop cannot be made";
    return false;
  }
  log_descriptors_.read(plan->root()["fds"], options_.descriptors);
  const plan::Node& process = plan->root()["process"];
  worker_connections_ = uint32_t(process["workerConnections"].integer(512));
  shutdown_timeout_ms_ = uint32_t(process["workerShutdownTimeout"].integer());
  shared_counters_ = SharedCounters::join(descriptor(process["counters"].integer(-1)));
  runtime_ = Runtime::build(*this, plan->root(), error);
  if (!runtime_) return false;
  size_t main_log = size_t(process["errorLog"].integer());
  if (main_log >= runtime_->error_logs.size()) {
    error = "no error log";
    return false;
  }
  error_log_ = runtime_->error_logs[main_log].get();
  shutdown_timer_.bind<&DataThread::terminate>(this);
  stack_->observe_turns(*this);
  auto on_commands = [](void* self) {
    auto& thread = *static_cast<DataThread*>(self);
    thread.commands_.take_all([&](Command& command) { thread.run(command); });
  };
  stack_->watch(commands_.descriptor(), on_commands, this);
  if (const plan::Node& quic = process["quic"]) {
    quic_ = std::make_unique<QuicListeners>(*this, quic, uint16_t(options_.worker));
  }
  for (const ListenerConf& listener : runtime_->listeners) {
    if (listener.worker >= 0 && uint32_t(listener.worker) != options_.worker) continue;
    if (listener.datagram) {
      if (quic_) quic_->add(listener);
    } else {
      acceptors_.push_back(std::make_unique<Acceptor>(*this, listener));
    }
  }
  return true;
}

void DataThread::run() { stack_->run(); }

void DataThread::run(Command& command) {
  switch (command.kind) {
    case Command::Kind::quit:
      drain();
      return;
    case Command::Kind::stop:
      terminate();
      return;
    case Command::Kind::reopen_logs:
      reopen_logs();
      return;
    case Command::Kind::answer:
      answer(command.question, command.payload);
      return;
    case Command::Kind::news:
      for (News& news : news_) {
        if (news.kind == command.topic) news.handler(news.context, command.payload);
      }
      return;
  }
}

int DataThread::descriptor(int64_t index) const {
  return size_t(index) < options_.descriptors.size() ? options_.descriptors[size_t(index)] : -1;
}

// --- Connections ---

// As nginx: one count for all workers' processes would do, but a worker's own is what a log line
// needs.
uint64_t DataThread::next_connection_number() { return ++last_connection_; }

void DataThread::add_connection(std::unique_ptr<ClientConnection> connection) {
  counters.active++;
  busy_.push_back(*connection.release());
}

void DataThread::remove_connection(ClientConnection& connection) {
  if (!connection.linked()) return;
  connection.unlink();
  counters.active--;
  counters.waiting -= connection.idle_;
  release_connection_slot();
  bury(std::unique_ptr<Disposable>(&connection));
}

void DataThread::set_idle(ClientConnection& connection, bool idle) {
  if (!connection.linked()) return;
  connection.unlink();
  counters.waiting += idle - std::exchange(connection.idle_, idle);
  (idle ? idle_ : busy_).push_back(connection);
}

bool DataThread::take_connection_slot() {
  uint32_t left = worker_connections_ - connections_in_use_;
  // Before the last sixteenth is used up, as nginx does, so that a burst finds room.
  if (left <= worker_connections_ / 16 + 1 && !idle_.empty()) {
    int64_t now = Clock::of_thread().seconds();
    if (std::exchange(reused_at_, now) != now) {
      error_log_->write(LogLevel::warn, {},
                        "%u worker_connections are not enough, reusing connections",
                        worker_connections_);
    }
    free_idle_connections(
        left == 0 ? 1 : std::max<uint32_t>(1, std::min(32u, worker_connections_ / 8)));
    left = worker_connections_ - connections_in_use_;
  }
  if (left == 0) {
    error_log_->write(LogLevel::alert, {}, "%u worker_connections are not enough",
                      worker_connections_);
    return false;
  }
  connections_in_use_++;
  return true;
}

void DataThread::release_connection_slot() { connections_in_use_--; }

void DataThread::free_idle_connections(size_t count) {
  for (size_t i = 0; i < count && !idle_.empty(); ++i) idle_.front().terminate();
}

void DataThread::bury(std::unique_ptr<Disposable> disposable) {
  graveyard_.push_back(std::move(disposable));
}

// --- Turns ---

void DataThread::at_turn_end(TurnEnd& callback) {
  if (!callback.linked()) turn_ends_.push_back(callback);
}

void DataThread::on_turn_end() {
  while (!turn_ends_.empty()) turn_ends_.pop_front().on_turn_end();
  // Streams may still refer to what is about to go. What is buried may bury more.
  if (!graveyard_.empty()) stack_->flush();
  while (!graveyard_.empty()) {
    dying_.swap(graveyard_);
    dying_.clear();
  }
  if (shared_counters_) shared_counters_->publish(counters);
  if (draining_) end_when_idle();
}

Counters DataThread::sum_counters() const {
  return shared_counters_ ? shared_counters_->sum(counters) : counters;
}

// --- The end ---

void DataThread::drain() {
  if (draining_) return;
  draining_ = true;
  acceptors_.clear();
  if (quic_) quic_->stop_accepting();
  for (IntrusiveList<ClientConnection, struct ConnectionList>* list : {&idle_, &busy_}) {
    for (auto at = list->begin(); at != list->end();) {
      ClientConnection& connection = *at;
      ++at;
      connection.drain();
    }
  }
  if (shutdown_timeout_ms_) shutdown_timer_.set(shutdown_timeout_ms_);
}

void DataThread::end_when_idle() {
  if (idle_.empty() && busy_.empty()) stack_->stop_when_delivered();
}

void DataThread::terminate() {
  if (!stack_ || terminating_) return;
  terminating_ = draining_ = true;
  acceptors_.clear();
  while (!idle_.empty()) idle_.front().terminate();
  while (!busy_.empty()) busy_.front().terminate();
  for (LogFile* file : log_files_) file->flush();
  stack_->stop();
}

// --- Logs ---

void DataThread::register_log_file(LogFile& file) { log_files_.push_back(&file); }

void DataThread::reopen_logs() {
  for (LogFile* file : log_files_) file->flush();
  log_descriptors_.reopen(*error_log_);
}

// --- The control thread ---

uint32_t DataThread::ask(std::string_view kind, std::span<const char> payload, uint32_t deadline_ms,
                         AnswerHandler on_answer, void* context) {
  uint32_t id = next_question_++;
  auto question = std::make_unique<Question>(*this, id);
  question->on_answer = on_answer;
  question->context = context;
  // A full ring is a failed answer; it too comes later, never within the call.
  bool asked = options_.control && options_.control->ask(id, kind, payload);
  question->deadline.set(asked ? deadline_ms : 0);
  questions_.emplace(id, std::move(question));
  return id;
}

bool DataThread::tell(std::string_view kind, std::span<const char> payload) {
  return options_.control && options_.control->ask(0, kind, payload);
}

void DataThread::forget_question(uint32_t id) { questions_.erase(id); }

void DataThread::answer(uint32_t id, std::string_view payload) {
  auto found = questions_.find(id);
  if (found == questions_.end()) return;  // too late, or forgotten
  std::unique_ptr<Question> question = std::move(found->second);
  questions_.erase(found);
  question->on_answer(question->context, !payload.empty(), payload);
}

void DataThread::on_news(std::string_view kind, NewsHandler handler, void* context) {
  news_.push_back({std::string(kind), handler, context});
}

}  // namespace sluice
