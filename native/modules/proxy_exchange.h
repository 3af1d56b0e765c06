#pragma once

#include "modules/http_proxy.h"
#include "proxy/upstream_exchange.h"

namespace sluice {

/// An exchange with an HTTP upstream.
class ProxyExchange final : public UpstreamExchange {
 public:
  static constexpr ModuleId id = ModuleId::http_proxy;

  ProxyExchange(Exchange& exchange, const ProxyConf& conf);

  /// Evaluates proxy_pass; false: it is no URL (said in the log).
  bool find_target();

  std::string_view host_header() const { return host_header_; }  ///< $proxy_host
  std::string_view port() const { return port_; }                ///< $proxy_port

 private:
  bool create_request() override;
  const http::HeaderList& trailers() override;
  UpstreamCodec& make_codec() override;
  bool shares_connections() const override { return conf_.version == http::Version::http2; }
  std::unique_ptr<SharedUpstream> make_shared_upstream() override;
  std::string_view protocols() const override;
  bool streams_body() override;
  bool rewrite_redirect(std::string_view& value, size_t prefix) override;
  bool rewrites_redirects() const override { return !conf_.redirects.empty(); }
  void rewrite_cookie(std::string_view& value) override;

  void write_head(std::string_view method, std::string_view host);
  void list_fields(std::string_view method, std::string_view host);
  std::string_view make_uri();
  std::string_view value_of(const ProxyHeader& header);
  bool goes_on(const http::Header& header) const;
  void describe_body();
  bool makes_place_for_trailers();

  const ProxyConf& conf_;
  std::string_view host_header_;
  std::string_view port_;
  std::string_view uri_part_;      ///< of proxy_pass
  std::string_view own_body_;      ///< of proxy_set_body
  std::string_view request_text_;  ///< of HTTP/1
  http::HeaderList fields_;        ///< of HTTP/2
  http::HeaderList trailers_;
  std::string_view body_length_;  ///< as text; empty: not known
  http::Method method_ = http::Method::get;
  bool chunked_ = false;
};

}  // namespace sluice
