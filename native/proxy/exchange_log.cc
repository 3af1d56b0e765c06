// Error log lines of an exchange, with nginx's context behind the message.

#include <initializer_list>

#include "base/log.h"
#include "modules/http_core.h"
#include "proxy/exchange.h"

namespace sluice {

namespace {

void append_field(LogLine& line, std::string_view name,
                  std::initializer_list<std::string_view> value) {
  if (value.begin()->empty()) return;
  line.append(", ");
  line.append(name);
  line.append(": \"");
  for (std::string_view part : value) line.append(part);
  line.append("\"");
}

}  // namespace

void Exchange::append_log_context(LogLine& line, const void* object) {
  const Exchange& exchange = *static_cast<const Exchange*>(object);
  const Exchange& main = *exchange.main_;
  if (!exchange.log_action.empty()) {
    line.append(" while ");
    line.append(exchange.log_action);
  }
  line.append(", client: ");
  line.append(main.downstream.connection().remote_text);
  line.append(", server: ");
  line.append(main.server->name);
  append_field(line, "request", {main.request.line});
  if (&main != &exchange) append_field(line, "subrequest", {exchange.uri});
  const auto& [scheme, peer, uri] = exchange.log_upstream;
  append_field(line, "upstream", {scheme, peer, uri});
  if (const http::Header* host = main.request.headers.find(http::HeaderId::host)) {
    append_field(line, "host", {host->value});
  }
  if (const http::Header* referer = main.request.headers.find(http::HeaderId::referer)) {
    append_field(line, "referrer", {referer->value});
  }
}

LogOrigin Exchange::log_origin() const {
  return {main_->downstream.connection().number, append_log_context, this};
}

const ErrorLog& Exchange::error_log() const {
  return *runtime.error_logs[conf<CoreConf>().error_log];
}

bool Exchange::logs(LogLevel level) const { return error_log().takes(level); }

void Exchange::log(LogLevel level, const char* format, ...) const {
  if (!logs(level)) return;
  va_list arguments;
  va_start(arguments, format);
  error_log().write_list(level, log_origin(), 0, format, arguments);
  va_end(arguments);
}

void Exchange::log_errno(LogLevel level, int error, const char* format, ...) const {
  if (!logs(level)) return;
  va_list arguments;
  va_start(arguments, format);
  error_log().write_list(level, log_origin(), error, format, arguments);
  va_end(arguments);
}

}  // namespace sluice
