#include "modules/http_core.h"

#include "base/number.h"
#include "modules/http_core_variables.h"
#include "proxy/exchange.h"

namespace sluice {

namespace {

template <class Enum>
Enum choice(const plan::Node& node, std::initializer_list<std::pair<std::string_view, Enum>> names,
            Enum fallback) {
  for (const auto& [name, value] : names) {
    if (node.text() == name) return value;
  }
  return fallback;
}

void read_body(CoreConf& conf, const plan::Node& node) {
  using InFile = CoreConf::BodyInFile;
  conf.client_max_body_size = node["clientMaxBodySize"].integer();
  conf.client_body_buffer_size = node["clientBodyBufferSize"].integer();
  conf.client_body_timeout = node["clientBodyTimeout"].integer();
  const plan::Node& temp_path = node["clientBodyTempPath"];
  conf.client_body_temp_path = temp_path["path"].text();
  for (const plan::Node& level : temp_path["levels"].items()) {
    conf.client_body_temp_levels.push_back(uint8_t(level.integer()));
  }
  conf.client_body_in_file_only = choice(
      node["clientBodyInFileOnly"], {{"on", InFile::on}, {"clean", InFile::clean}}, InFile::off);
  conf.client_body_in_single_buffer = node["clientBodyInSingleBuffer"].boolean();
}

Rate read_rate(const plan::Node& node) {
  if (node.is_integer()) return {uint64_t(node.integer()), {}};
  return {0, Template::read(node)};
}

void read_connection(CoreConf& conf, const plan::Node& node) {
  using Lingering = CoreConf::Lingering;
  conf.send_timeout = node["sendTimeout"].integer();
  conf.keepalive_timeout = node["keepaliveTimeout"].integer();
  conf.keepalive_min_timeout = node["keepaliveMinTimeout"].integer();
  conf.keepalive_header = uint32_t(node["keepaliveHeader"].integer());
  conf.keepalive_requests = node["keepaliveRequests"].integer();
  conf.keepalive_time = node["keepaliveTime"].integer();
  for (const plan::Node& browser : node["keepaliveDisable"].items()) {
    if (browser.text() == "msie6") conf.keepalive_disable_msie6 = true;
    if (browser.text() == "safari") conf.keepalive_disable_safari = true;
  }
  conf.lingering_close =
      choice(node["lingeringClose"], {{"off", Lingering::off}, {"always", Lingering::always}},
             Lingering::on);
  conf.lingering_time = node["lingeringTime"].integer();
  conf.lingering_timeout = node["lingeringTimeout"].integer();
  conf.limit_rate = read_rate(node["limitRate"]);
  conf.limit_rate_after = read_rate(node["limitRateAfter"]);
  conf.tcp_nodelay = node["tcpNodelay"].boolean(true);
  conf.tcp_nopush = node["tcpNopush"].boolean();
  conf.reset_timedout_connection = node["resetTimedoutConnection"].boolean();
}

void read_answers(CoreConf& conf, const plan::Node& node) {
  using Tokens = CoreConf::Tokens;
  conf.absolute_redirect = node["absoluteRedirect"].boolean(true);
  conf.server_name_in_redirect = node["serverNameInRedirect"].boolean();
  conf.port_in_redirect = node["portInRedirect"].boolean(true);
  conf.msie_padding = node["msiePadding"].boolean(true);
  conf.msie_refresh = node["msieRefresh"].boolean();
  conf.recursive_error_pages = node["recursiveErrorPages"].boolean();
  conf.chunked_transfer_encoding = node["chunkedTransferEncoding"].boolean(true);
  conf.server_tokens =
      choice(node["serverTokens"], {{"off", Tokens::off}, {"build", Tokens::build}}, Tokens::on);
  for (const plan::Node& page : node["errorPages"].items()) {
    conf.error_pages.push_back({uint16_t(page["status"].integer()),
                                int(page["overwrite"].integer(ErrorPage::no_overwrite)),
                                Template::read(page["uri"])});
  }
  conf.post_action = node["postAction"].text();
  for (const plan::Node& condition : node["earlyHints"].items()) {
    conf.early_hints.push_back(Template::read(condition));
  }
}

void read_files(CoreConf& conf, const plan::Node& node) {
  using Since = CoreConf::IfModifiedSince;
  conf.root = Template::read(node["root"]["path"]);
  if (node["root"]["alias"]) conf.alias = node["root"]["alias"].integer();
  conf.default_type = node["defaultType"].text();
  conf.if_modified_since = choice(node["ifModifiedSince"],
                                  {{"off", Since::off}, {"before", Since::before}}, Since::exact);
  conf.max_ranges = node["maxRanges"].integer(UINT32_MAX);
  conf.etag = node["etag"].boolean(true);
  conf.sendfile = node["sendfile"].boolean();
  if (node["directio"]) conf.directio = node["directio"].integer();
  using Check = SymlinkRule::Check;
  const plan::Node& symlinks = node["disableSymlinks"];
  conf.disable_symlinks = choice(
      symlinks["check"], {{"on", Check::on}, {"if_not_owner", Check::if_not_owner}}, Check::off);
  conf.disable_symlinks_from = Template::read(symlinks["from"]);
  const plan::Node& cache = node["openFileCache"];
  conf.open_file_cache = bool(cache);
  conf.open_file_cache_max = cache["max"].integer();
  conf.open_file_cache_inactive = cache["inactive"].integer();
  conf.open_file_cache_valid = node["openFileCacheValid"].integer();
  conf.open_file_cache_min_uses = node["openFileCacheMinUses"].integer();
  conf.open_file_cache_errors = node["openFileCacheErrors"].boolean();
  conf.output_buffers = node["outputBuffers"]["number"].integer(2);
  conf.output_buffer_size = node["outputBuffers"]["size"].integer(32768);
}

void read_main(Runtime& runtime, const plan::Node& node) {
  auto* main = runtime.main<CoreMain>() = runtime.keep<CoreMain>();
  for (const plan::Node& list : node["types"].items()) {
    TypeList types(list.size());
    for (const plan::Node& entry : list.items()) {
      main->type_names.push_back(entry.at(1).text());
      types.insert(entry.at(0).text(), &main->type_names.back());
    }
    main->types.push_back(std::move(types));
  }
}

std::unique_ptr<ModuleConf> read_conf(Runtime& runtime, const plan::Node& node) {
  auto conf = std::make_unique<CoreConf>();
  const std::vector<TypeList>& lists = runtime.main<CoreMain>()->types;
  size_t list = size_t(node["types"].integer(-1));
  if (list >= lists.size()) {
    runtime.fail("no types");
    return conf;
  }
  conf->types = &lists[list];
  read_body(*conf, node);
  read_connection(*conf, node);
  read_answers(*conf, node);
  read_files(*conf, node);
  conf->satisfy = node["satisfy"].text() == "any" ? CoreConf::Satisfy::any : CoreConf::Satisfy::all;
  conf->auth_delay = node["authDelay"].integer();
  conf->internal = node["internal"].boolean();
  conf->log_not_found = node["logNotFound"].boolean(true);
  conf->log_subrequest = node["logSubrequest"].boolean();
  conf->error_log = node["errorLog"].integer();
  conf->subrequest_output_buffer_size = node["subrequestOutputBufferSize"].integer();
  return conf;
}

}  // namespace

uint64_t Rate::evaluate(Exchange& exchange) const {
  if (!text) return constant;
  return parse_size(text.evaluate(exchange)).value_or(0);
}

const Module http_core = {
    .id = ModuleId::http_core,
    .name = "http_core",
    .read_conf = read_conf,
    .read_main = read_main,
    .variables = http_core_variables,
};

}  // namespace sluice
