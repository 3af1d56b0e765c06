#include "base/log.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cctype>
#include <cerrno>

#include "base/clock.h"
#include "test/check.h"

namespace sluice {
namespace {

/// What was written to a file in memory.
class Capture {
 public:
  Capture() : file_(::memfd_create("log", 0)) {}
  int descriptor() const { return file_.get(); }
  std::string text() const {
    std::string text(1 << 16, '\0');
    ssize_t size = ::pread(file_.get(), text.data(), text.size(), 0);
    text.resize(size < 0 ? 0 : size);
    return text;
  }

 private:
  Descriptor file_;
};

/// The text with N for every number.
std::string masked(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool digit = std::isdigit(static_cast<unsigned char>(c));
    if (!digit) {
      out += c;
    } else if (!out.ends_with('N')) {
      out += 'N';
    }
  }
  return out;
}

void add_client(LogLine& line, const void* client) {
  line.format(", client: %s", static_cast<const char*>(client));
}

TEST("log: a line has nginx's form") {
  Capture file;
  ErrorLog log;
  log.add_file(file.descriptor(), LogLevel::info);
  log.write_errno(LogLevel::error, {7, add_client, "10.1.2.3"}, ECONNRESET, "recv() of %d failed",
                  42);
  CHECK_EQUAL(masked(file.text()),
              "N/N/N N:N:N [error] N#N: *N recv() of N failed (N: Connection reset by peer), "
              "client: N.N.N.N\n");
  CHECK(file.text().find("*7 recv() of 42 failed (104: ") != std::string::npos);
}

TEST("log: lines beyond the level are left out, and each destination has its own") {
  Capture few, all;
  ErrorLog log;
  log.add_file(few.descriptor(), LogLevel::error);
  log.add_file(all.descriptor(), LogLevel::debug);
  CHECK(log.takes(LogLevel::debug));
  log.write(LogLevel::warn, {}, "careful");
  log.write(LogLevel::debug, {1, add_client, "x"}, "detail");
  CHECK_EQUAL(few.text(), "");
  CHECK_EQUAL(masked(all.text()),
              "N/N/N N:N:N [warn] N#N: careful\nN/N/N N:N:N [debug] N#N: *N detail\n");
  CHECK(!ErrorLog().takes(LogLevel::emerg));
}

TEST("log: a long line is cut at 2048 bytes, with its errno and its end") {
  Capture file;
  ErrorLog log;
  log.add_file(file.descriptor(), LogLevel::info);
  std::string longest(5000, 'x');
  log.write_errno(LogLevel::error, {1, add_client, longest.c_str()}, ENOENT, "%s", longest.c_str());
  std::string text = file.text();
  CHECK_EQUAL(text.size(), 2048u);
  CHECK(text.ends_with('\n'));
  CHECK(text.find("... (2: No such file or directory), client: x") != text.npos);
}

TEST("log: a full disk is left alone for a second") {
  Descriptor full(::open("/dev/full", O_WRONLY));
  ErrorLog log;
  log.add_file(full.get(), LogLevel::info);
  log.write(LogLevel::error, {}, "lost");
  Capture later;
  ::dup2(later.descriptor(), full.get());
  log.write(LogLevel::error, {}, "still lost");
  CHECK_EQUAL(later.text(), "");
}

TEST("syslog: a line is one datagram with priority, time, host and tag") {
  Descriptor server(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr* to = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof(address);
  ::bind(server.get(), to, length);
  ::getsockname(server.get(), to, &length);

  ErrorLog log;
  log.add_syslog(std::make_shared<Syslog>(to, length, Syslog::Options{16, "edge", "host1"}),
                 LogLevel::error);
  log.write(LogLevel::error, {}, "oops");
  char text[4096];
  ssize_t size = ::recv(server.get(), text, sizeof(text), 0);
  std::string time(Clock::of_thread().syslog_time());
  CHECK_EQUAL(masked(std::string_view(text, size > 0 ? size : 0)),
              masked("<131>" + time + " host1 edge: 2026/11/22 22:13:01 [error] 1#1: oops"));
}

}  // namespace
}  // namespace sluice
