#include "modules/http_log.h"

#include <unistd.h>

#include <cerrno>

#include "base/syslog.h"
#include "modules/http_core.h"
#include "proxy/error_logs.h"
#include "proxy/exchange.h"
#include "proxy/file_cache.h"
#include "proxy/file_path.h"

namespace sluice {

namespace {

/// What the logs of all blocks share.
struct LogMain {
  static constexpr ModuleId id = ModuleId::http_log;
  std::vector<LogFormat> formats;
  std::vector<std::unique_ptr<AccessLogFile>> files;
  std::vector<std::shared_ptr<Syslog>> syslogs;
};

void read_main(Runtime& runtime, const plan::Node& node) {
  LogMain* main = runtime.main<LogMain>() = runtime.keep<LogMain>();
  for (const plan::Node& format : node["formats"].items()) {
    main->formats.push_back(LogFormat::read(runtime, format));
  }
  for (const plan::Node& file : node["files"].items()) {
    main->files.push_back(std::make_unique<AccessLogFile>(
        runtime.thread,
        AccessLogFile::Options{.descriptor = runtime.thread.descriptor(file["fd"].integer(-1)),
                               .path = file["path"].text(),
                               .buffer = size_t(file["buffer"].integer()),
                               .flush_ms = uint64_t(file["flush"].integer()),
                               .gzip = int(file["gzip"].integer())}));
  }
  for (const plan::Node& syslog : node["syslogs"].items()) {
    main->syslogs.push_back(open_syslog(syslog));
  }
}

template <class Items>
auto* item_at(Items& items, const plan::Node& index) {
  size_t position = size_t(index.integer(-1));
  return position < items.size() ? &items[position] : nullptr;
}

std::unique_ptr<ModuleConf> read_conf(Runtime& runtime, const plan::Node& node) {
  LogMain& main = *runtime.main<LogMain>();
  auto conf = std::make_unique<LogConf>();
  for (const plan::Node& each : node["logs"].items()) {
    LogConf::Log log;
    log.format = item_at(main.formats, each["format"]);
    log.condition = Template::read(each["if"]);
    if (auto* file = item_at(main.files, each["file"])) log.file = file->get();
    if (auto* syslog = item_at(main.syslogs, each["syslog"])) log.syslog = syslog->get();
    log.path = Template::read(each["path"]);
    log.severity = int(each["severity"].integer());
    if (!log.format || !(log.file || log.syslog || log.path)) {
      runtime.fail("access_log without a format or a target");
      return nullptr;
    }
    conf->logs.push_back(std::move(log));
  }
  if (const plan::Node& cache = node["cache"]) {
    conf->cache = OpenFileCache::Limits{size_t(cache["max"].integer()),
                                        uint64_t(cache["inactive"].integer()), OpenMode::append};
    conf->cache_use = {uint64_t(cache["valid"].integer()), uint32_t(cache["minUses"].integer())};
  }
  return conf;
}

/// A file whose name comes from a request is made only where there is such a site.
bool root_exists(Exchange& exchange) {
  if (exchange.root_tested) return true;
  std::optional<std::string_view> root = path_below_root(exchange, "");
  if (!root) return false;
  FoundFile found = test_file(exchange, *root);
  int error = found ? ENOTDIR : found.error;
  if (found && found.is_directory) return true;
  exchange.log_errno(LogLevel::error, error, "testing \"%s\" existence failed", root->data());
  return false;
}

FoundFile open_log(Exchange& exchange, const LogConf& conf, std::string_view path) {
  SymlinkRule symlinks = symlink_rule(exchange, path);
  if (conf.cache) {
    OpenFileCache::Use use = conf.cache_use;
    use.symlinks = symlinks;
    return OpenFileCache::of_thread(*conf.cache).open(path, use);
  }
  struct stat status;
  return open_file(path, OpenMode::append, symlinks, status);
}

void write_to_path(Exchange& exchange, const LogConf& conf, const LogConf::Log& log,
                   std::string_view line) {
  if (!root_exists(exchange)) return;
  std::string_view name = log.path.evaluate(exchange);
  std::span<char> path = exchange.arena.text(name.size() + 1);
  *std::copy(name.begin(), name.end(), path.data()) = '\0';

  FoundFile found = open_log(exchange, conf, {path.data(), name.size()});
  if (!found) {
    exchange.log_errno(LogLevel::crit, found.error, "%s \"%s\" failed", found.failed, path.data());
    return;
  }
  if (!found.file) return;
  ssize_t written = ::write(found.file->descriptor(), line.data(), line.size());
  if (written < 0) {
    exchange.log_errno(LogLevel::alert, errno, "write() to \"%s\" failed", path.data());
  } else if (size_t(written) != line.size()) {
    exchange.log(LogLevel::alert, "write() to \"%s\" was incomplete: %zd of %zu", path.data(),
                 written, line.size());
  }
}

void write_line(Exchange& exchange, const LogConf& conf, const LogConf::Log& log) {
  if (log.file) {
    if (!log.file->takes_lines()) return;
    log.format->append(exchange, log.file->begin_line());
    log.file->end_line();
    return;
  }
  thread_local std::string line;
  line.clear();
  log.format->append(exchange, line);
  if (log.syslog) {
    if (!log.syslog->send(log.severity, line)) {
      exchange.log(LogLevel::warn, "send() to syslog failed");
    }
    return;
  }
  line.push_back('\n');
  write_to_path(exchange, conf, log, line);
}

Verdict log_request(Exchange& exchange) {
  const LogConf& conf = exchange.conf<LogConf>();
  for (const LogConf::Log& log : conf.logs) {
    if (log.condition) {
      std::string_view condition = log.condition.evaluate(exchange);
      if (condition.empty() || condition == "0") continue;
    }
    write_line(exchange, conf, log);
  }
  return Verdict::ok();
}

constexpr PhaseHandler phases[] = {{Phase::log, log_request}};

bool is_used(const Runtime& runtime) {
  return runtime.any_conf<LogConf>([](const LogConf& conf) { return !conf.logs.empty(); });
}

}  // namespace

const Module http_log = {
    .id = ModuleId::http_log,
    .name = "http_log",
    .read_conf = read_conf,
    .read_main = read_main,
    .phases = phases,
    .is_used = is_used,
};

}  // namespace sluice
