#include "base/syslog.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/clock.h"
#include "base/number.h"

namespace sluice {
namespace {

constexpr size_t max_datagram = 2048;

/// Appends to a datagram what still fits.
class Datagram {
 public:
  void append(std::string_view text) {
    size_t taken = std::min(text.size(), sizeof(bytes_) - size_);
    std::memcpy(bytes_ + size_, text.data(), taken);
    size_ += taken;
  }
  void append(uint64_t number) {
    char digits[max_decimal_size];
    append(std::string_view(digits, format_decimal(digits, number)));
  }
  const char* data() const { return bytes_; }
  size_t size() const { return size_; }

 private:
  size_t size_ = 0;
  char bytes_[max_datagram];
};

}  // namespace

Syslog::Syslog(const sockaddr* server, socklen_t length, Options options)
    : length_(std::min<socklen_t>(length, sizeof(server_))), options_(std::move(options)) {
  std::memcpy(&server_, server, length_);
}

bool Syslog::connect() {
  Descriptor socket(::socket(server_.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const sockaddr* server = reinterpret_cast<const sockaddr*>(&server_);
  if (!socket || ::connect(socket.get(), server, length_) < 0) return false;
  socket_ = std::move(socket);
  return true;
}

void Syslog::send(int severity, std::string_view message) {
  if (!socket_ && !connect()) return;
  Datagram datagram;
  datagram.append("<");
  datagram.append(static_cast<uint64_t>(options_.facility * 8 + severity));
  datagram.append(">");
  datagram.append(Clock::of_thread().syslog_time());
  datagram.append(" ");
  if (!options_.host.empty()) {
    datagram.append(options_.host);
    datagram.append(" ");
  }
  datagram.append(options_.tag);
  datagram.append(": ");
  datagram.append(message);
  ssize_t sent = ::send(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL);
  // A server that was restarted has a new socket under the old path.
  if (sent < 0 && errno != EAGAIN && errno != EINTR) socket_.reset();
}

}  // namespace sluice
