#include "modules/http_index.h"

#include <algorithm>
#include <cerrno>

#include "modules/http_core.h"
#include "proxy/exchange.h"
#include "proxy/file_cache.h"
#include "proxy/file_path.h"

namespace sluice {

namespace {

using http::Method;

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<IndexConf>();
  for (const plan::Node& name : node["names"].items()) conf->names.push_back(Template::read(name));
  return conf;
}

Verdict not_found(Exchange& exchange, std::string_view path, int error) {
  if (error == EACCES) {
    exchange.log_errno(LogLevel::error, error, "\"%s\" is forbidden", path.data());
    return Verdict::status(403);
  }
  if (exchange.conf<CoreConf>().log_not_found) {
    exchange.log_errno(LogLevel::error, error, "\"%s\" is not found", path.data());
  }
  return Verdict::status(404);
}

/// The directory that the missing index file `path` should be in. ok(): it is one, other names may
/// be tried.
Verdict test_directory(Exchange& exchange, std::string_view path, size_t name_size) {
  size_t size = path.size() - name_size;
  if (size > 1 && path[size - 1] == '/') --size;
  std::span<char> text = exchange.arena.text(size + 1);
  *std::copy_n(path.data(), size, text.data()) = '\0';
  std::string_view directory(text.data(), size);

  FoundFile found = test_file(exchange, directory);
  if (found) {
    if (found.is_directory) return Verdict::ok();
    exchange.log(LogLevel::alert, "\"%s\" is not a directory", directory.data());
    return Verdict::status(500);
  }
  switch (found.error) {
    case EMLINK:
    case ELOOP:
      return Verdict::status(403);
    case ENOENT:
      return not_found(exchange, path, ENOENT);
    case EACCES:
      // The search for the index file went through it.
      return Verdict::ok();
    default:
      exchange.log_errno(LogLevel::crit, found.error, "%s \"%s\" failed", found.failed,
                         directory.data());
      return Verdict::status(500);
  }
}

// An index file is looked for before its directory: requests that succeed should cost least.
Verdict find_index(Exchange& exchange) {
  if (!exchange.uri.ends_with('/')) return Verdict::declined();
  Method method = exchange.request.method;
  if (method != Method::get && method != Method::head && method != Method::post) {
    return Verdict::declined();
  }
  bool directory_tested = false;
  for (const Template& index : exchange.conf<IndexConf>().names) {
    std::string_view name = index.evaluate(exchange);
    if (name.starts_with('/')) return exchange.redirect(name, exchange.args);

    std::optional<std::string_view> path = file_path(exchange, exchange.uri, name);
    if (!path) return Verdict::status(500);
    FoundFile found = test_file(exchange, *path);
    if (found) {
      std::span<char> uri = exchange.arena.text(exchange.uri.size() + name.size());
      std::copy(name.begin(), name.end(),
                std::copy(exchange.uri.begin(), exchange.uri.end(), uri.data()));
      return exchange.redirect({uri.data(), uri.size()}, exchange.args);
    }
    switch (found.error) {
      case EMLINK:
      case ELOOP:
        return Verdict::status(403);
      case ENOTDIR:
      case ENAMETOOLONG:
      case EACCES:
        return not_found(exchange, *path, found.error);
      default:
        break;
    }
    if (!directory_tested) {
      Verdict verdict = test_directory(exchange, *path, name.size());
      if (!verdict.is_ok()) return verdict;
      directory_tested = true;
    }
    if (found.error != ENOENT) {
      exchange.log_errno(LogLevel::crit, found.error, "%s \"%s\" failed", found.failed,
                         path->data());
      return Verdict::status(500);
    }
  }
  return Verdict::declined();
}

constexpr PhaseHandler phases[] = {{Phase::content, find_index}};

}  // namespace

const Module http_index = {
    .id = ModuleId::http_index,
    .name = "http_index",
    .read_conf = read_conf,
    .phases = phases,
};

}  // namespace sluice
