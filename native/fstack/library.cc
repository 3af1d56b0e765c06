// The library that links F-Stack and DPDK (bin/build-fstack): hands their calls out as a table, and
// keeps them from ending the process. Built only where both are there.
#include <dirent.h>
#include <ff_api.h>
#include <linux/if_packet.h>
#include <rte_devargs.h>
#include <rte_ethdev.h>
#include <rte_version.h>
#include <sys/ioctl.h>
#include <sys/random.h>

#include <csetjmp>
#include <cstdlib>
#include <string>

#include "net/fstack_api.h"

namespace sluice::net {
namespace {

static_assert(sizeof(FstackEvent) == sizeof(struct kevent));
static_assert(offsetof(FstackEvent, filter) == offsetof(struct kevent, filter));
static_assert(offsetof(FstackEvent, filter_flags) == offsetof(struct kevent, fflags));
static_assert(offsetof(FstackEvent, data) == offsetof(struct kevent, data));
static_assert(offsetof(FstackEvent, source) == offsetof(struct kevent, udata));
static_assert(FstackEvent::filter_read == EVFILT_READ);
static_assert(FstackEvent::filter_write == EVFILT_WRITE);
static_assert(FstackEvent::add == EV_ADD && FstackEvent::remove == EV_DELETE);
static_assert(FstackEvent::once == EV_ONESHOT && FstackEvent::clear == EV_CLEAR);
static_assert(FstackEvent::failed == EV_ERROR && FstackEvent::end_of_file == EV_EOF);

/// Where exit() goes while F-Stack starts on this thread.
thread_local jmp_buf* way_out = nullptr;

const linux_sockaddr* foreign(const sockaddr* address) {
  return reinterpret_cast<const linux_sockaddr*>(address);
}
linux_sockaddr* foreign(sockaddr* address) { return reinterpret_cast<linux_sockaddr*>(address); }

int (*owner_of)(void* context, const uint8_t* frame, size_t size);
void* owner_context;

int dispatch(void* frame, uint16_t* size, uint16_t queue, uint16_t) {
  int owner = owner_of(owner_context, static_cast<const uint8_t*>(frame), *size);
  if (owner == FstackStart::nobody) return FF_DISPATCH_ERROR;
  return owner == FstackStart::here ? queue : owner;
}

/// Whether some device has no table by which it spreads flows (RSS).
bool needs_dispatcher() {
  uint16_t port;
  RTE_ETH_FOREACH_DEV(port) {
    rte_eth_dev_info info;
    if (rte_eth_dev_info_get(port, &info) == 0 && info.reta_size == 0) return true;
  }
  return false;
}

/// A packet socket (packet(7)) also gets what other packet sockets send by its interface: our own
/// neighbours' frames, which are for nobody here.
void ignore_what_others_send() {
  DIR* folder = ::opendir("/proc/self/fd");
  while (const dirent* entry = folder ? ::readdir(folder) : nullptr) {
    int descriptor = std::atoi(entry->d_name);
    int domain = 0, on = 1;
    socklen_t size = sizeof domain;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0) continue;
    if (domain != AF_PACKET) continue;
    ::setsockopt(descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
  }
  if (folder) ::closedir(folder);
}

bool init(const FstackStart& start) {
  for (size_t i = 0; i < start.device_count; ++i) {
    if (rte_devargs_add(RTE_DEVTYPE_VIRTUAL, start.devices[i]) != 0) return false;
  }
  std::string configuration = start.configuration;
  std::string process = std::to_string(start.process);
  std::string role = start.process == 0 ? "primary" : "secondary";
  std::string words[] = {"sluice", "--conf",      configuration, "--proc-id",
                         process,  "--proc-type", role};
  char* arguments[std::size(words) + 1] = {};
  for (size_t i = 0; i < std::size(words); ++i) arguments[i] = words[i].data();
  if (ff_init(static_cast<int>(std::size(words)), arguments) != 0) return false;
  owner_of = start.owner_of;
  owner_context = start.context;
  if (start.exclusive) ignore_what_others_send();
  if (owner_of && (start.exclusive || needs_dispatcher())) ff_regist_packet_dispatcher(dispatch);
  return true;
}

bool start(const FstackStart& options) {
  jmp_buf here;
  way_out = &here;
  // What an exit() leaves behind is F-Stack's: the process goes on without it.
  bool started = setjmp(here) == 0 && init(options);
  way_out = nullptr;
  std::fflush(stdout);
  return started;
}

const std::string description = rte_version();

const FstackApi table = {
    .version = FstackApi::current_version,
    .description = description.c_str(),
    .start = start,
    .run = [](int (*turn)(void*), void* context) { ff_run(turn, context); },
    .stop = ff_stop_run,
    .socket = ff_socket,
    .bind = [](int socket, const sockaddr* address,
               socklen_t size) { return ff_bind(socket, foreign(address), size); },
    .listen = ff_listen,
    .accept = [](int socket, sockaddr* peer,
                 socklen_t* size) { return ff_accept(socket, foreign(peer), size); },
    .connect = [](int socket, const sockaddr* peer,
                  socklen_t size) { return ff_connect(socket, foreign(peer), size); },
    .shutdown = ff_shutdown,
    .close = ff_close,
    .get_local_address =
        [](int socket, sockaddr* address, socklen_t* size) {
          return ff_getsockname(socket, foreign(address), size);
        },
    .set_option = ff_setsockopt,
    .set_freebsd_option = ff_setsockopt_freebsd,
    .get_option = ff_getsockopt,
    .set_non_blocking =
        [](int socket) {
          int on = 1;
          return ff_ioctl(socket, FIONBIO, &on);
        },
    .read = ff_read,
    .write = ff_write,
    .writev = ff_writev,
    .receive_message = ff_recvmsg,
    .send_message = ff_sendmsg,
    .make_queue = ff_kqueue,
    .events =
        [](int queue, const FstackEvent* changes, int change_count, FstackEvent* events,
           int event_count) {
          return ff_kevent(queue, reinterpret_cast<const struct kevent*>(changes), change_count,
                           reinterpret_cast<struct kevent*>(events), event_count, nullptr);
        },
    .system_control = ff_sysctl,
    .traffic = [](FstackTraffic& traffic) { ff_get_traffic(&traffic); },
};

}  // namespace
}  // namespace sluice::net

extern "C" {

__attribute__((visibility("default"))) const sluice::net::FstackApi* sluice_fstack_api() {
  return &sluice::net::table;
}

/// The linker's --wrap=exit: F-Stack and DPDK end the process on any error while they start.
[[noreturn]] void __real_exit(int status);
[[noreturn]] void __wrap_exit(int status) {
  if (sluice::net::way_out) longjmp(*sluice::net::way_out, 1);
  __real_exit(status);
}

/// The one thing that libfstack wants of OpenSSL; a second OpenSSL in this process would break
/// Node's.
int RAND_bytes(unsigned char* bytes, int size) {
  return ::getrandom(bytes, static_cast<size_t>(size), 0) == size;
}
}
