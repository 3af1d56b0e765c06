#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "proxy/module.h"
#include "proxy/template.h"

namespace sluice {

/// `add_header`, `add_trailer`, `expires`:
/// https://nginx.org/en/docs/http/ngx_http_headers_module.html
struct HeadersConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_headers;

  struct Field {
    std::string_view name;
    Template value;
    bool always = false;  ///< whatever the status
    http::HeaderId header = http::HeaderId::other;
  };
  std::vector<Field> headers;
  std::vector<Field> trailers;

  struct Expires {
    enum class Kind : uint8_t { off, epoch, max, access, modified, daily };
    Kind kind = Kind::off;
    int64_t seconds = 0;  ///< from the access or the modification, or since midnight (daily)
  };
  Expires expires;
  /// In place of `expires.seconds`, and its kind unless that is `modified`: known when a response
  /// is there.
  Template expires_text;
};

extern const Module http_headers;

}  // namespace sluice
