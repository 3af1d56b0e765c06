// An HTTP/3 load client:
//
//   h3load [--connections N] [--streams N] [--threads N] [--seconds S | --requests N]
//   [--requests-per-connection N]
//          [--length BYTES] https://HOST:PORT/PATH
//   h3load --hold https://HOST:PORT/PATH
//
// Asks for one thing as fast as it can and prints a line of JSON: complete responses of status 200
// and the right length, their latencies, its own CPU time, errors by kind. With --hold it reads
// numbers, a line each: opens so many more connections, has one response on each, says so, and
// keeps all of them until its input ends.
#include <getopt.h>
#include <netdb.h>
#include <sys/resource.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "worker.h"

namespace {

using namespace h3load;

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "h3load: %s\n", why.c_str());
  std::exit(1);
}

template <typename T>
T number(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < T{}) {
    die("not a number: " + std::string(text));
  }
  return value;
}

Target target_of(std::string_view url) {
  constexpr std::string_view scheme = "https://";
  if (!url.starts_with(scheme)) die("not an https:// URL: " + std::string(url));
  url.remove_prefix(scheme.size());
  size_t slash = std::min(url.find('/'), url.size());
  Target target;
  target.authority = url.substr(0, slash);
  target.path = slash < url.size() ? url.substr(slash) : "/";
  size_t colon = std::min(target.authority.rfind(':'), target.authority.size());
  std::string host = target.authority.substr(0, colon);
  std::string port = colon < target.authority.size() ? target.authority.substr(colon + 1) : "443";
  addrinfo hints = {};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (error != 0) die(host + ": " + ::gai_strerror(error));
  std::memcpy(&target.address, found->ai_addr, found->ai_addrlen);
  target.address_size = found->ai_addrlen;
  ::freeaddrinfo(found);
  hints.ai_flags = AI_NUMERICHOST;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) == 0) {
    ::freeaddrinfo(found);
  } else {
    target.host = host;
  }
  return target;
}

double cpu_seconds() {
  rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& time) {
    return double(time.tv_sec) + double(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void print(const Tally& tally, double seconds) {
  std::printf("{\"requests\":%lu,\"connections\":%lu,", tally.responses, tally.connections);
  std::printf("\"seconds\":%.3f,\"perSecond\":%.0f,", seconds, double(tally.responses) / seconds);
  std::printf("\"cpuSeconds\":%.3f,\"latencyMicroseconds\":{", cpu_seconds());
  for (double percent : {50.0, 90.0, 99.0, 99.9}) {
    std::printf("\"p%g\":%.0f,", percent, double(tally.latencies.percentile(percent)) / 1e3);
  }
  std::printf("\"longest\":%.0f},\"errors\":{", double(tally.latencies.longest()) / 1e3);
  const char* separator = "";
  for (const auto& [what, count] : tally.errors) {
    std::printf("%s\"%s\":%lu", separator, what.c_str(), count);
    separator = ",";
  }
  std::printf("}}\n");
  std::fflush(stdout);
}

int hold(const Load& load) {
  Worker worker(load);
  uint64_t begun = monotonic_ns();
  while (true) {
    worker.hold(STDIN_FILENO);
    char line[32];
    ssize_t size = ::read(STDIN_FILENO, line, sizeof line);
    if (size <= 0) return worker.tally().errors.empty() ? 0 : 1;
    std::string_view text(line, size_t(size));
    worker.open_idle(number<uint32_t>(text.substr(0, text.find('\n'))));
    print(worker.tally(), double(monotonic_ns() - begun) / 1e9);
  }
}

int run(const Load& load, uint32_t threads) {
  // Each of them has its share, and the first ones what is left over.
  std::vector<Load> shares(threads, load);
  for (uint32_t i = 0; i < threads; ++i) {
    shares[i].connections = load.connections / threads + (i < load.connections % threads);
    if (load.requests != UINT64_MAX)
      shares[i].requests = load.requests / threads + (i < load.requests % threads);
  }
  std::vector<Tally> tallies(threads);
  uint64_t begun = monotonic_ns();
  {
    std::vector<std::jthread> running;
    for (uint32_t i = 0; i < threads; ++i) {
      running.emplace_back([&share = shares[i], &tally = tallies[i]] {
        Worker worker(share);
        worker.run();
        tally = worker.tally();
      });
    }
  }
  double seconds = double(monotonic_ns() - begun) / 1e9;
  Tally sum;
  for (const Tally& tally : tallies) {
    sum.responses += tally.responses;
    sum.connections += tally.connections;
    sum.latencies.add(tally.latencies);
    for (const auto& [what, count] : tally.errors) sum.errors[what] += count;
  }
  print(sum, seconds);
  return sum.errors.empty() && sum.responses > 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  Load load;
  uint32_t threads = 1;
  int holds = 0;
  std::optional<uint64_t> length;
  const option options[] = {{"connections", required_argument, nullptr, 'c'},
                            {"streams", required_argument, nullptr, 'm'},
                            {"threads", required_argument, nullptr, 't'},
                            {"seconds", required_argument, nullptr, 's'},
                            {"requests", required_argument, nullptr, 'n'},
                            {"requests-per-connection", required_argument, nullptr, 'r'},
                            {"length", required_argument, nullptr, 'l'},
                            {"hold", no_argument, &holds, 1},
                            {}};
  for (int option; (option = ::getopt_long(count, words, "", options, nullptr)) != -1;) {
    switch (option) {
      case 'c':
        load.connections = number<uint32_t>(optarg);
        break;
      case 'm':
        load.streams = number<uint32_t>(optarg);
        break;
      case 't':
        threads = number<uint32_t>(optarg);
        break;
      case 's':
        load.seconds = number<double>(optarg);
        break;
      case 'n':
        load.requests = number<uint64_t>(optarg);
        break;
      case 'r':
        load.requests_of_connection = number<uint64_t>(optarg);
        break;
      case 'l':
        length = number<uint64_t>(optarg);
        break;
      case 0:
        break;
      default:
        return 1;
    }
  }
  if (optind != count - 1) die("one URL is needed");
  bool ends = holds || load.seconds > 0 || load.requests != UINT64_MAX;
  if (!ends) die("--seconds or --requests is needed");
  if (load.connections == 0 || load.streams == 0 || threads == 0) die("nothing to do");
  load.target = target_of(words[optind]);
  load.target.length = length;
  return holds ? hold(load) : run(load, threads);
}
