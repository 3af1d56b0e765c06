#include "addon/fstack_thread.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "base/file.h"

namespace sluice::addon {
namespace {

/// F-Stack and DPDK say on stdout and stderr what is wrong, and stdout is our way to say "ready":
/// meanwhile both lead into memory.
class CapturedOutput {
 public:
  CapturedOutput() : memory_(::memfd_create("sluice fstack output", MFD_CLOEXEC)) {
    for (size_t i = 0; i < kept_.size(); ++i) {
      kept_[i].reset(::dup(int(i) + STDOUT_FILENO));
      ::dup2(memory_.get(), int(i) + STDOUT_FILENO);
    }
  }
  ~CapturedOutput() {
    for (size_t i = 0; i < kept_.size(); ++i) ::dup2(kept_[i].get(), int(i) + STDOUT_FILENO);
  }
  std::string text() const {
    std::fflush(stdout);
    std::string text(64 * 1024, '\0');
    ssize_t size = ::pread(memory_.get(), text.data(), text.size(), 0);
    text.resize(size > 0 ? size_t(size) : 0);
    return text;
  }

 private:
  Descriptor memory_;
  std::array<Descriptor, 2> kept_;
};

int owner_of(void* director, const uint8_t* frame, size_t size) {
  return static_cast<net::FlowDirector*>(director)->owner_of({frame, size});
}
static_assert(net::FlowDirector::here == net::FstackStart::here);
static_assert(net::FlowDirector::nobody == net::FstackStart::nobody);

}  // namespace

const net::FstackApi* load_fstack(const std::string& library, std::string& error) {
  void* handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* symbol = handle ? ::dlsym(handle, net::FstackApi::symbol) : nullptr;
  if (!symbol) {
    error = ::dlerror();
    return nullptr;
  }
  const net::FstackApi* api = reinterpret_cast<const net::FstackApi* (*)()>(symbol)();
  if (api->version != net::FstackApi::current_version) {
    error = "it is of another version of Sluice";
    return nullptr;
  }
  return api;
}

std::unique_ptr<FstackThread> FstackThread::start(const FstackOptions& options,
                                                  std::string& output) {
  const net::FstackApi* api = load_fstack(options.library, output);
  if (!api) return nullptr;
  std::unique_ptr<net::FlowDirector> director;
  if (options.board >= 0) {
    director = net::FlowDirector::open(options.board, options.place, options.exclusive);
    if (!director)
      output = "the memory that tells workers' packets apart is of another version of Sluice";
    if (!director) return nullptr;
  }
  std::unique_ptr<FstackThread> self(new FstackThread(*api, options.settings, std::move(director)));

  std::vector<const char*> devices;
  for (const std::string& device : options.devices) devices.push_back(device.c_str());
  net::FstackStart start{
      options.configuration.c_str(),  options.process,  devices.data(), devices.size(), nullptr,
      self->settings_.director.get(), options.exclusive};
  if (start.context) start.owner_of = owner_of;
  std::promise<bool> started;
  CapturedOutput captured;
  sigset_t all, before;
  sigfillset(&all);
  // The threads that DPDK starts take no signals either.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  self->thread_ = std::thread([api, &start, &started, work = self->work_.get_future()]() mutable {
    pthread_setname_np(pthread_self(), "data");
    started.set_value(api->start(start));
    if (std::function<void()> todo = work.get()) todo();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (started.get_future().get()) return self;
  output = captured.text();
  return nullptr;
}

FstackThread::~FstackThread() {
  if (!thread_.joinable()) return;
  work_.set_value(nullptr);
  thread_.join();
}

std::unique_ptr<net::FstackStack> FstackThread::make_stack() const {
  return net::FstackStack::create(api_, settings_);
}

std::thread FstackThread::become(std::function<void()> work) {
  work_.set_value(std::move(work));
  return std::move(thread_);
}

}  // namespace sluice::addon
