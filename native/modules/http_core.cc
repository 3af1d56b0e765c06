#include "modules/http_core.h"

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

void read_types(CoreConf& conf, const plan::Node& types) {
  conf.type_names.reserve(types.size());
  for (const plan::Node& type : types.items()) {
    conf.type_names.push_back(type.at(1).text());
    conf.types.insert(type.at(0).text(), &conf.type_names.back());
  }
}

void read_body(CoreConf& conf, const plan::Node& node) {
  using InFile = CoreConf::BodyInFile;
  conf.client_max_body_size = node["clientMaxBodySize"].integer();
  conf.client_body_buffer_size = node["clientBodyBufferSize"].integer();
  conf.client_body_timeout = node["clientBodyTimeout"].integer();
  const plan::Node& temp_path = node["clientBodyTempPath"];
  conf.client_body_temp_path = temp_path.at(0).text();
  for (size_t i = 1; i < temp_path.size(); ++i) {
    conf.client_body_temp_levels.push_back(temp_path.at(i).integer());
  }
  conf.client_body_in_file_only = choice(
      node["clientBodyInFileOnly"], {{"on", InFile::on}, {"clean", InFile::clean}}, InFile::off);
  conf.client_body_in_single_buffer = node["clientBodyInSingleBuffer"].boolean();
}

void read_connection(CoreConf& conf, const plan::Node& node) {
  using Lingering = CoreConf::Lingering;
  conf.send_timeout = node["sendTimeout"].integer();
  conf.keepalive_timeout = node["keepaliveTimeout"].integer();
  conf.keepalive_min_timeout = node["keepaliveMinTimeout"].integer();
  if (node["keepaliveHeader"]) conf.keepalive_header = node["keepaliveHeader"].integer();
  conf.keepalive_requests = node["keepaliveRequests"].integer();
  conf.keepalive_time = node["keepaliveTime"].integer();
  conf.keepalive_disable_msie6 = node["keepaliveDisableMsie6"].boolean();
  conf.keepalive_disable_safari = node["keepaliveDisableSafari"].boolean();
  conf.lingering_close =
      choice(node["lingeringClose"], {{"off", Lingering::off}, {"always", Lingering::always}},
             Lingering::on);
  conf.lingering_time = node["lingeringTime"].integer();
  conf.lingering_timeout = node["lingeringTimeout"].integer();
  conf.limit_rate = Template::read(node["limitRate"]);
  conf.limit_rate_after = Template::read(node["limitRateAfter"]);
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
                                Template::read(page["target"])});
  }
  conf.post_action = Template::read(node["postAction"]);
  conf.server_name = node["serverName"].text();
}

void read_files(CoreConf& conf, const plan::Node& node) {
  using Since = CoreConf::IfModifiedSince;
  conf.root = Template::read(node["root"]);
  if (node["alias"]) conf.alias = node["alias"].integer();
  conf.default_type = node["defaultType"].text();
  conf.if_modified_since = choice(node["ifModifiedSince"],
                                  {{"off", Since::off}, {"before", Since::before}}, Since::exact);
  conf.max_ranges = node["maxRanges"].integer(UINT32_MAX);
  conf.etag = node["etag"].boolean(true);
  conf.sendfile = node["sendfile"].boolean();
  if (node["directio"]) conf.directio = node["directio"].integer();
  const plan::Node& cache = node["openFileCache"];
  conf.open_file_cache = bool(cache);
  conf.open_file_cache_max = cache["max"].integer();
  conf.open_file_cache_inactive = cache["inactive"].integer();
  conf.open_file_cache_valid = node["openFileCacheValid"].integer();
  conf.open_file_cache_min_uses = node["openFileCacheMinUses"].integer();
  conf.open_file_cache_errors = node["openFileCacheErrors"].boolean();
  conf.output_buffers = node["outputBuffers"].at(0).integer(2);
  conf.output_buffer_size = node["outputBuffers"].at(1).integer(32768);
}

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<CoreConf>();
  conf->location_name = node["locationName"].text();
  read_types(*conf, node["types"]);
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

const Module http_core = {
    .id = ModuleId::http_core,
    .name = "http_core",
    .read_conf = read_conf,
    .variables = http_core_variables,
};

}  // namespace sluice
