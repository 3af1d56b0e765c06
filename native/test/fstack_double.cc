// Also a library of its own (bin/build-fstack-double, SLUICE_FSTACK): section [double] of its ini
// then says how it shall fail: `fail=TEXT` to end at the start, `crash=WORD` to abort when it reads
// that word.
#include "test/fstack_double.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::test {

using net::FstackApi;
using net::FstackEvent;
using net::FstackStart;
using net::FstackTraffic;

namespace {

constexpr size_t max_sockets = 4096;
constexpr int queue_number = 0;

/// What the event queue shall say of a socket.
struct Filter {
  bool on = false;
  uint16_t flags = 0;
  void* source = nullptr;
  int64_t announced = -1;  ///< edge-triggered: the state that was told last
};

struct Socket {
  int kernel = -1;
  Filter reading;
  Filter writing;
  int error = 0;  ///< an error of this system that nobody has asked for yet
};

std::array<Socket, max_sockets> sockets;
/// Closed, with bytes that the peer hasn't acknowledged.
std::vector<int> closing;
FstackTraffic traffic = {};
std::string crash_word;
bool running = false;
bool ended = false;

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fstack_double: %s\n", what);
  std::abort();
}

Socket& at(int number) {
  static Socket none;
  require(!ended, "called after ff_run() has returned");
  if (number <= queue_number || size_t(number) >= max_sockets) return none = {};
  return sockets[size_t(number)];
}

int add(int kernel) {
  if (kernel < 0) return -1;
  for (size_t i = queue_number + 1; i < max_sockets; ++i) {
    if (sockets[i].kernel >= 0) continue;
    sockets[i] = {};
    sockets[i].kernel = kernel;
    return int(i);
  }
  ::close(kernel);
  errno = EMFILE;
  return -1;
}

int freebsd_number(int error) {
  switch (error) {
    case ECONNREFUSED:
      return 61;
    case ECONNRESET:
      return 54;
    case ETIMEDOUT:
      return 60;
    case EHOSTUNREACH:
      return 65;
  }
  return error;
}

// --- Addresses: 10.x.y.z outside is 127.x.y.z inside; any address is 127.0.0.2 ---

sockaddr_in moved(const sockaddr* address, uint8_t from, uint8_t to) {
  sockaddr_in copy;
  std::memcpy(&copy, address, sizeof copy);
  auto* bytes = reinterpret_cast<uint8_t*>(&copy.sin_addr);
  if (bytes[0] == from) bytes[0] = to;
  return copy;
}

sockaddr_in inside(const sockaddr* address) {
  sockaddr_in copy = moved(address, 10, 127);
  if (copy.sin_addr.s_addr == INADDR_ANY) copy.sin_addr.s_addr = htonl(0x7f000002);
  return copy;
}

void show_outside(sockaddr* address) {
  sockaddr_in copy = moved(address, 127, 10);
  std::memcpy(address, &copy, sizeof copy);
}

// --- Calls ---

int do_bind(int number, const sockaddr* address, socklen_t) {
  sockaddr_in own = inside(address);
  // The master's own socket has the port on all addresses.
  int type = 0, on = 1;
  socklen_t size = sizeof type;
  ::getsockopt(at(number).kernel, SOL_SOCKET, SO_TYPE, &type, &size);
  if (type == SOCK_DGRAM) {
    ::setsockopt(at(number).kernel, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  return ::bind(at(number).kernel, reinterpret_cast<const sockaddr*>(&own), sizeof own);
}

int do_connect(int number, const sockaddr* peer, socklen_t) {
  sockaddr_in own = inside(peer);
  return ::connect(at(number).kernel, reinterpret_cast<const sockaddr*>(&own), sizeof own);
}

int do_accept(int number, sockaddr* peer, socklen_t* size) {
  int kernel = ::accept4(at(number).kernel, peer, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (kernel >= 0) show_outside(peer);
  return add(kernel);
}

int do_local_address(int number, sockaddr* address, socklen_t* size) {
  int result = ::getsockname(at(number).kernel, address, size);
  if (result == 0) show_outside(address);
  return result;
}

bool unknown_to_freebsd(int level, int option) {
  return level == IPPROTO_TCP &&
         (option == TCP_CORK || option == TCP_DEFER_ACCEPT || option == TCP_QUICKACK ||
          option == TCP_FASTOPEN || option == TCP_USER_TIMEOUT);
}

int do_set_option(int number, int level, int option, const void* value, socklen_t size) {
  if (unknown_to_freebsd(level, option)) return errno = EINVAL, -1;
  return ::setsockopt(at(number).kernel, level, option, value, size);
}

int do_get_option(int number, int level, int option, void* value, socklen_t* size) {
  Socket& socket = at(number);
  if (level != SOL_SOCKET || option != SO_ERROR) {
    return ::getsockopt(socket.kernel, level, option, value, size);
  }
  int error = std::exchange(socket.error, 0);
  if (!error) ::getsockopt(socket.kernel, level, option, &error, size);
  error = freebsd_number(error);
  std::memcpy(value, &error, sizeof error);
  return 0;
}

ssize_t do_read(int number, void* bytes, size_t size) {
  Socket& socket = at(number);
  socket.reading.announced = -1;
  ssize_t got = ::recv(socket.kernel, bytes, size, 0);
  if (got <= 0 && socket.error) return errno = std::exchange(socket.error, 0), -1;
  if (got > 0) traffic.received_packets++;
  if (got > 0 && !crash_word.empty()) {
    std::string_view text(static_cast<char*>(bytes), size_t(got));
    require(text.find(crash_word) == text.npos, "crashing as told");
  }
  return got;
}

ssize_t do_write(int number, const void* bytes, size_t size) {
  ssize_t sent = ::send(at(number).kernel, bytes, size, MSG_NOSIGNAL);
  if (sent > 0) traffic.sent_packets++;
  return sent;
}

/// As ff_writev(), this uses up the caller's iovecs.
ssize_t do_writev(int number, const iovec* pieces, int count) {
  msghdr message = {};
  message.msg_iov = const_cast<iovec*>(pieces);
  message.msg_iovlen = size_t(count);
  ssize_t sent = ::sendmsg(at(number).kernel, &message, MSG_NOSIGNAL);
  if (sent <= 0) return sent;
  traffic.sent_packets++;
  size_t left = size_t(sent);
  for (iovec& piece : std::span(message.msg_iov, size_t(count))) {
    size_t used = std::min(left, piece.iov_len);
    piece.iov_base = static_cast<char*>(piece.iov_base) + used;
    piece.iov_len -= used;
    left -= used;
  }
  return sent;
}

int unacknowledged(int kernel) {
  tcp_info info = {};
  socklen_t size = sizeof info;
  ::getsockopt(kernel, IPPROTO_TCP, TCP_INFO, &info, &size);
  if (info.tcpi_state == TCP_CLOSE) return 0;  // the peer has reset it
  int bytes = 0;
  return ::ioctl(kernel, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

int do_close(int number) {
  if (number == queue_number) return 0;
  Socket& socket = at(number);
  if (socket.kernel < 0) return errno = EBADF, -1;
  int kernel = std::exchange(socket.kernel, -1);
  if (unacknowledged(kernel) > 0) {
    ::shutdown(kernel, SHUT_WR);
    closing.push_back(kernel);
  } else {
    ::close(kernel);
  }
  return 0;
}

// --- Events ---

int change(const FstackEvent& event) {
  Socket& socket = at(int(event.ident));
  if (socket.kernel < 0) return errno = EBADF, -1;
  Filter& filter = event.filter == FstackEvent::filter_read ? socket.reading : socket.writing;
  if (event.flags & FstackEvent::remove) {
    filter = {};
  } else {
    filter = {.on = true, .flags = event.flags, .source = event.source};
  }
  return 0;
}

FstackEvent event_of(size_t number, int16_t filter, void* source) {
  FstackEvent event = {};
  event.ident = number;
  event.filter = filter;
  event.source = source;
  return event;
}

bool find_reading(size_t number, Socket& socket, const pollfd& state, FstackEvent& event) {
  int available = 0;
  ::ioctl(socket.kernel, FIONREAD, &available);
  bool end = state.revents & (POLLRDHUP | POLLHUP | POLLERR);
  if (!(state.revents & POLLIN) && !end) {
    socket.reading.announced = 0;
    return false;
  }
  int64_t now = int64_t(available) * 4 + (end ? 2 : 0) + 1;
  bool edge = socket.reading.flags & FstackEvent::clear;
  if (edge && now == socket.reading.announced) return false;
  socket.reading.announced = now;
  event = event_of(number, FstackEvent::filter_read, socket.reading.source);
  event.data = available;
  if (end) event.flags |= FstackEvent::end_of_file;
  event.filter_flags = uint32_t(freebsd_number(socket.error));
  return true;
}

bool find_writing(size_t number, Socket& socket, const pollfd& state, FstackEvent& event) {
  if (!(state.revents & (POLLOUT | POLLERR | POLLHUP))) return false;
  event = event_of(number, FstackEvent::filter_write, socket.writing.source);
  if (state.revents & (POLLERR | POLLHUP)) event.flags |= FstackEvent::end_of_file;
  event.filter_flags = uint32_t(freebsd_number(socket.error));
  if (socket.writing.flags & FstackEvent::once) socket.writing = {};
  return true;
}

/// Both filters of a socket come one behind the other, as kqueue's do.
int do_events(int, const FstackEvent* changes, int change_count, FstackEvent* events, int room) {
  for (int i = 0; i < change_count; ++i) {
    if (change(changes[i]) < 0) return -1;
  }
  int count = 0;
  for (size_t number = queue_number + 1; number < max_sockets; ++number) {
    Socket& socket = sockets[number];
    if (socket.kernel < 0 || (!socket.reading.on && !socket.writing.on)) continue;
    pollfd state = {socket.kernel, POLLIN | POLLOUT | POLLRDHUP, 0};
    ::poll(&state, 1, 0);
    if ((state.revents & POLLERR) && !socket.error) {
      socklen_t size = sizeof socket.error;
      ::getsockopt(socket.kernel, SOL_SOCKET, SO_ERROR, &socket.error, &size);
    }
    if (count < room && socket.reading.on && find_reading(number, socket, state, events[count])) {
      ++count;
    }
    if (count < room && socket.writing.on && find_writing(number, socket, state, events[count])) {
      ++count;
    }
  }
  return count;
}

// --- The loop ---

void lose_everything() {
  linger reset = {1, 0};
  auto drop = [&](int kernel) {
    ::setsockopt(kernel, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    ::close(kernel);
  };
  for (int kernel : std::exchange(closing, {})) drop(kernel);
  for (Socket& socket : sockets) {
    if (socket.kernel >= 0) drop(socket.kernel);
    socket = {};
  }
}

void do_run(int (*turn)(void*), void* context) {
  running = true;
  while (running) turn(context);
  lose_everything();
  ended = true;
}

int do_system_control(const int* name, unsigned size, void* value, size_t* room, const void* asked,
                      size_t asked_size) {
  constexpr int states_number = 4711;
  if (size == 2 && name[0] == 0 && name[1] == 3) {
    require(std::string_view(static_cast<const char*>(asked), asked_size) == "net.inet.tcp.states",
            "another sysctl");
    std::memcpy(value, &states_number, sizeof states_number);
    *room = sizeof states_number;
    return 0;
  }
  if (size != 1 || name[0] != states_number) return errno = ENOENT, -1;
  std::erase_if(closing, [](int kernel) {
    bool done = unacknowledged(kernel) == 0;
    if (done) ::close(kernel);
    return done;
  });
  std::array<uint64_t, 11> states = {};
  constexpr size_t fin_wait_1 = 6;
  states[fin_wait_1] = closing.size();
  std::memcpy(value, states.data(), std::min(*room, sizeof states));
  return 0;
}

std::string setting(const char* ini, std::string_view wanted) {
  std::ifstream file(ini);
  std::string section;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("[")) section = line;
    size_t equals = line.find('=');
    if (section == "[double]" && equals != line.npos && line.substr(0, equals) == wanted) {
      return line.substr(equals + 1);
    }
  }
  return {};
}

bool do_start(const FstackStart& start) {
  std::string failure = setting(start.configuration, "fail");
  if (!failure.empty()) {
    std::printf("f-stack -c1\n%s\n", failure.c_str());
    std::fflush(stdout);
    return false;
  }
  crash_word = setting(start.configuration, "crash");
  return true;
}

constexpr FstackApi table = {
    .version = FstackApi::current_version,
    .description = "a test double",
    .start = do_start,
    .run = do_run,
    .stop = [] { running = false; },
    .socket = [](int domain, int type,
                 int protocol) { return add(::socket(domain, type | SOCK_CLOEXEC, protocol)); },
    .bind = do_bind,
    .listen = [](int number, int backlog) { return ::listen(at(number).kernel, backlog); },
    .accept = do_accept,
    .connect = do_connect,
    .shutdown = [](int number, int how) { return ::shutdown(at(number).kernel, how); },
    .close = do_close,
    .get_local_address = do_local_address,
    .set_option = do_set_option,
    .set_freebsd_option = [](int, int, int, const void*, socklen_t) { return 0; },
    .get_option = do_get_option,
    .set_non_blocking =
        [](int number) {
          int on = 1;
          return ::ioctl(at(number).kernel, FIONBIO, &on);
        },
    .read = do_read,
    .write = do_write,
    .writev = do_writev,
    .receive_message =
        [](int number, msghdr* message, int flags) {
          require(flags == 0, "MSG_ flags are not translated");
          ssize_t size = ::recvmsg(at(number).kernel, message, MSG_DONTWAIT);
          if (size >= 0) show_outside(static_cast<sockaddr*>(message->msg_name));
          return size;
        },
    .send_message =
        [](int number, const msghdr* message, int flags) {
          require(flags == 0, "MSG_ flags are not translated");
          sockaddr_in peer = inside(static_cast<const sockaddr*>(message->msg_name));
          msghdr copy = *message;
          copy.msg_name = &peer;
          return ::sendmsg(at(number).kernel, &copy, flags);
        },
    .make_queue = [] { return queue_number; },
    .events = do_events,
    .system_control = do_system_control,
    .traffic = [](FstackTraffic& now) { now = traffic; },
};

}  // namespace

const FstackApi& fstack_double() { return table; }

void reset_fstack_double() {
  ended = false;
  lose_everything();
  crash_word.clear();
}

size_t open_in_double() {
  size_t count = 0;
  for (const Socket& socket : sockets) count += socket.kernel >= 0;
  return count;
}

}  // namespace sluice::test

extern "C" __attribute__((visibility("default"))) const sluice::net::FstackApi*
sluice_fstack_api() {
  return &sluice::test::fstack_double();
}
