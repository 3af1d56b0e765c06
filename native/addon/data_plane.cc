#include "addon/data_plane.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <future>
#include <utility>

#include "addon/exports.h"
#include "addon/fstack.h"

namespace sluice::addon {

namespace {

/// Signals are the control thread's: a thread started meanwhile takes none.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &previous_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

 private:
  sigset_t previous_;
};

}  // namespace

DataPlane::DataPlane(Napi::Env env, Napi::Function on_question, Napi::Function on_end)
    : inbox_(env, "sluice data plane", on_question, on_end, hand_over, this) {}

DataPlane::~DataPlane() {
  if (!thread_.joinable()) return;
  post({DataThread::Command::Kind::stop, 0, {}, {}});
  thread_.join();
}

std::string DataPlane::start(DataThreadOptions options) {
  options.control = this;
  std::promise<std::string> started;
  auto serve = [this, &options, &started] {
    pthread_setname_np(pthread_self(), "data");
    std::string error;
    // Created where it runs: what it owns belongs to this thread from the first moment.
    std::shared_ptr<DataThread> thread = DataThread::create(options, error);
    std::atomic_store(&data_thread_, thread);
    const bool runs = thread != nullptr;
    started.set_value(runs ? std::string()
                           : std::move(error));  // `options` and `started` are gone from here on
    if (runs) thread->run();
    std::atomic_store(&data_thread_, std::shared_ptr<DataThread>());
    thread.reset();
    inbox_.end();
  };
  if (const std::shared_ptr<FstackThread> fstack = take_fstack_thread()) {
    options.make_stack = [fstack] { return fstack->make_stack(); };
    thread_ = fstack->become(serve);
  } else {
    const SignalsBlocked blocked;
    thread_ = std::thread(serve);
  }
  std::string error = started.get_future().get();
  if (!error.empty()) thread_.join();
  return error;
}

void DataPlane::post(DataThread::Command command) {
  if (const auto thread = std::atomic_load(&data_thread_)) thread->post(std::move(command));
}

bool DataPlane::ask(uint32_t id, std::string_view kind, std::span<const char> payload) {
  return inbox_.push({id, std::string(kind), std::string(payload.data(), payload.size())});
}

void DataPlane::hand_over(void*, const Napi::Function& on_question, Question& question) {
  const Napi::Env env = on_question.Env();
  on_question.Call(
      {Napi::Number::New(env, question.id), Napi::String::New(env, question.kind),
       Napi::Buffer<char>::Copy(env, question.payload.data(), question.payload.size())});
}

namespace {

using Command = DataThread::Command;

std::unique_ptr<DataPlane> running;

/// The whole Plan, mapped until the process ends; empty on failure.
std::span<const char> map_plan(int fd) {
  struct stat status;
  if (fstat(fd, &status) == -1) return {};
  const auto size = static_cast<size_t>(status.st_size);
  void* plan = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (plan == MAP_FAILED) return {};
  return {static_cast<const char*>(plan), size};
}

/// startDataPlane({ planFd, descriptors, worker, onQuestion, onEnd })
Napi::Value start_data_plane(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (running) {
    Napi::Error::New(env, "the data plane runs already").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  const auto settings = info[0].As<Napi::Object>();
  DataThreadOptions options;
  options.plan = map_plan(integer(settings.Get("planFd")));
  if (options.plan.empty()) return throw_system_error(env, "mmap", errno);
  options.worker = settings.Get("worker").ToNumber().Uint32Value();
  const auto descriptors = settings.Get("descriptors").As<Napi::Array>();
  for (uint32_t i = 0; i < descriptors.Length(); ++i) {
    options.descriptors.push_back(integer(descriptors.Get(i)));
  }

  running = std::make_unique<DataPlane>(env, settings.Get("onQuestion").As<Napi::Function>(),
                                        settings.Get("onEnd").As<Napi::Function>());
  napi_add_env_cleanup_hook(
      env, [](void*) { running.reset(); }, nullptr);
  const std::string error = running->start(std::move(options));
  if (!error.empty()) Napi::Error::New(env, error).ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value post(const Napi::CallbackInfo& info, Command command) {
  if (running) running->post(std::move(command));
  return info.Env().Undefined();
}

Napi::Value quit(const Napi::CallbackInfo& info) {
  return post(info, {Command::Kind::quit, 0, {}, {}});
}
Napi::Value stop(const Napi::CallbackInfo& info) {
  return post(info, {Command::Kind::stop, 0, {}, {}});
}
Napi::Value reopen_logs(const Napi::CallbackInfo& info) {
  return post(info, {Command::Kind::reopen_logs, 0, {}, {}});
}

std::string bytes(const Napi::Value& value) {
  const auto array = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(array.Data()), array.ByteLength()};
}

/// answer(id, payload): an empty payload says that the question failed.
Napi::Value answer(const Napi::CallbackInfo& info) {
  const uint32_t question = info[0].ToNumber().Uint32Value();
  return post(info, {Command::Kind::answer, question, bytes(info[1]), {}});
}

/// tell(topic, payload): what was not asked.
Napi::Value tell(const Napi::CallbackInfo& info) {
  return post(info, {Command::Kind::news, 0, bytes(info[1]), latin1(info[0])});
}

}  // namespace

void export_data_plane(Napi::Env env, Napi::Object exports) {
  add(env, exports,
      {{"startDataPlane", start_data_plane},
       {"quit", quit},
       {"stop", stop},
       {"reopenLogs", reopen_logs},
       {"tell", tell},
       {"answer", answer}});
}

}  // namespace sluice::addon
