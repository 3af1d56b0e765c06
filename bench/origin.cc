// The upstream of the benchmarks: answers GET /<bytes> with a body of so many bytes, and reads of a request only its
// path and its end. One thread, so that what it costs is small beside what is measured. Prints the port that it listens on.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr size_t max_body = 16 << 20;
constexpr size_t max_head = 16 << 10;

/// Complete responses by the length of their body, made once.
const std::string& response_of(size_t length) {
  static std::map<size_t, std::string> made;
  std::string& response = made[length];
  if (response.empty()) {
    response =
        "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        "Content-Type: application/octet-stream\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        "Connection: keep-alive\r\nContent-Length: " +
        std::to_string(length) + "\r\n\r\n" + std::string(length, 'x');
  }
  return response;
}

struct Connection {
  explicit Connection(int socket) : fd(socket) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(fd); }

  int fd;
  std::string received;
  std::string_view unsent;  ///< of a response_of()
};

/// "GET /<bytes> HTTP/1.1" to the response; null if it is something else.
const std::string* answer(std::string_view head) {
  if (!head.starts_with("GET /")) return nullptr;
  size_t length = std::strtoul(head.data() + 5, nullptr, 10);
  return length <= max_body ? &response_of(length) : nullptr;
}

/// Sends what waits, then takes the next request; false when the connection is to be closed.
bool serve(Connection& connection) {
  for (;;) {
    while (!connection.unsent.empty()) {
      ssize_t sent = ::send(connection.fd, connection.unsent.data(), connection.unsent.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      connection.unsent.remove_prefix(static_cast<size_t>(sent));
    }
    size_t end = connection.received.find("\r\n\r\n");
    if (end == std::string::npos) return connection.received.size() < max_head;
    const std::string* response = answer(connection.received);
    if (!response) return false;
    connection.received.erase(0, end + 4);
    connection.unsent = *response;
  }
}

/// Reads all there is; false at the end of the stream.
bool receive(Connection& connection) {
  char buffer[max_head];
  ssize_t size = ::recv(connection.fd, buffer, sizeof buffer, 0);
  if (size < 0) return errno == EAGAIN;
  if (size == 0) return false;
  connection.received.append(buffer, static_cast<size_t>(size));
  return true;
}

void accept_all(int listener, int poll, std::vector<std::unique_ptr<Connection>>& connections) {
  for (;;) {
    int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connections.size() <= static_cast<size_t>(fd)) connections.resize(static_cast<size_t>(fd) + 1);
    connections[static_cast<size_t>(fd)] = std::make_unique<Connection>(fd);
    epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.fd = fd}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
  }
}

int listen_on_loopback() {
  int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (listener < 0 || ::bind(listener, generic, size) < 0 || ::listen(listener, 1024) < 0 ||
      ::getsockname(listener, generic, &size) < 0) {
    std::perror("origin");
    std::exit(1);
  }
  std::printf("%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return listener;
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  int listener = listen_on_loopback();
  int poll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event listening{.events = EPOLLIN, .data = {.fd = listener}};
  ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &listening);
  std::vector<std::unique_ptr<Connection>> connections;
  epoll_event events[256];
  for (;;) {
    int count = ::epoll_wait(poll, events, std::size(events), -1);
    for (int i = 0; i < count; ++i) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(listener, poll, connections);
        continue;
      }
      std::unique_ptr<Connection>& connection = connections[static_cast<size_t>(fd)];
      if (!connection) continue;
      bool ended = events[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
      if (ended || !receive(*connection) || !serve(*connection)) connection.reset();
    }
  }
}
