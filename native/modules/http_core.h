#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <vector>

#include "base/string_map.h"
#include "proxy/module.h"
#include "proxy/symlink_walk.h"
#include "proxy/template.h"

namespace sluice {

extern const Module http_core;

/// Bytes, constant or said by a template
/// (https://nginx.org/en/docs/http/ngx_http_core_module.html#limit_rate).
struct Rate {
  uint64_t constant = 0;
  Template text;
  /// 0: no limit, or a text that is no size.
  uint64_t evaluate(Exchange& exchange) const;
};

/// `error_page` of one status.
struct ErrorPage {
  uint16_t status = 0;
  int overwrite = no_overwrite;  ///< the status that the client sees: page_decides, or a number
  Template target;               ///< /uri, @name, or where to redirect
  static constexpr int no_overwrite = -1;
  static constexpr int page_decides = 0;
};

/// A `types` block: extension, lower case → type. Blocks under the same one share it.
using TypeList = StringMap<const std::string_view>;

/// What http core has for the whole http block.
struct CoreMain {
  static constexpr ModuleId id = ModuleId::http_core;
  std::vector<TypeList> types;
  std::deque<std::string_view> type_names;
};

/// http core's configuration of a block; members named as the directives.
struct CoreConf : ModuleConf {
  static constexpr ModuleId id = ModuleId::http_core;
  enum class Lingering : uint8_t { off, on, always };
  enum class Satisfy : uint8_t { all, any };
  enum class IfModifiedSince : uint8_t { off, exact, before };
  enum class BodyInFile : uint8_t { off, on, clean };
  enum class Tokens : uint8_t { on, off, build };

  Template root;
  std::optional<int64_t> alias;  ///< bytes of the URI that it replaces; -1: the whole URI
  const TypeList* types = nullptr;
  std::string_view default_type;

  uint64_t client_max_body_size = 0;
  size_t client_body_buffer_size = 0;
  uint32_t client_body_timeout = 0;
  std::string_view client_body_temp_path;
  std::vector<uint8_t> client_body_temp_levels;
  BodyInFile client_body_in_file_only = BodyInFile::off;
  bool client_body_in_single_buffer = false;

  uint32_t send_timeout = 0;
  uint32_t keepalive_timeout = 0;
  uint32_t keepalive_min_timeout = 0;
  uint32_t keepalive_header = 0;  ///< seconds; 0: no Keep-Alive field
  uint32_t keepalive_requests = 0;
  uint64_t keepalive_time = 0;
  bool keepalive_disable_msie6 = false;
  bool keepalive_disable_safari = false;
  Lingering lingering_close = Lingering::on;
  uint32_t lingering_time = 0;
  uint32_t lingering_timeout = 0;
  Rate limit_rate;
  Rate limit_rate_after;

  Satisfy satisfy = Satisfy::all;
  uint32_t auth_delay = 0;
  bool internal = false;
  IfModifiedSince if_modified_since = IfModifiedSince::exact;
  uint32_t max_ranges = UINT32_MAX;
  bool etag = true;
  bool sendfile = false;
  uint64_t directio = UINT64_MAX;
  bool tcp_nodelay = true;
  bool tcp_nopush = false;
  bool reset_timedout_connection = false;

  bool absolute_redirect = true;
  bool server_name_in_redirect = false;
  bool port_in_redirect = true;
  bool msie_padding = true;
  bool msie_refresh = false;
  bool log_not_found = true;
  bool log_subrequest = false;
  bool recursive_error_pages = false;
  Tokens server_tokens = Tokens::on;
  bool chunked_transfer_encoding = true;
  uint32_t error_log = 0;
  std::vector<ErrorPage> error_pages;
  std::string_view post_action;       ///< /uri or @name
  std::vector<Template> early_hints;  ///< 103 goes on if any is neither empty nor "0"

  SymlinkRule::Check disable_symlinks = SymlinkRule::Check::off;
  Template disable_symlinks_from;  ///< the part of a path that is trusted
  bool open_file_cache = false;
  uint32_t open_file_cache_max = 0;
  uint32_t open_file_cache_inactive = 0;  ///< ms
  uint32_t open_file_cache_valid = 0;     ///< seconds
  uint32_t open_file_cache_min_uses = 0;
  bool open_file_cache_errors = false;
  size_t subrequest_output_buffer_size = 0;
  uint32_t output_buffers = 2;
  size_t output_buffer_size = 32768;
};

}  // namespace sluice
