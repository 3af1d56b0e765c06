// After a 101: bytes both ways, whatever they mean (https://nginx.org/en/docs/http/websocket.html).

#include "modules/http_core.h"
#include "proxy/upstream_exchange.h"

namespace sluice {

void UpstreamExchange::begin_tunnel(std::string_view input) {
  if (exchange.is_subrequest()) {
    exchange.log(LogLevel::error, "connection upgrade in subrequest");
    finish(Verdict::fail());
    return;
  }
  exchange.keep_alive = false;
  exchange.log_action = "proxying upgraded connection";
  phase_ = Phase::tunnel;
  if (exchange.conf<CoreConf>().tcp_nodelay) connection_->stream().set_no_delay(true);
  if (!input.empty()) pass_to_client({input.data(), input.size()});
  // The client's first bytes may already be there, and may end everything.
  if (phase_ == Phase::tunnel) exchange.downstream.upgrade();
}

void UpstreamExchange::pass_to_client(std::span<const char> data) {
  try_->response_length += data.size();
  if (!exchange.send_body({.bytes = data, .flush = true}).is_ok()) return;
  if (exchange.blocked()) connection_->stream().pause_reading();
}

void UpstreamExchange::on_tunnel_data(std::span<const char> data) {
  net::Stream& stream = connection_->stream();
  connection_->queued(data.size());
  stream.write(data);
  connection_->set_timeout(conf.read_timeout);
  if (stream.blocked()) exchange.downstream.read_body(false);
}

// What the client has sent still goes on.
void UpstreamExchange::on_tunnel_end() {
  net::Stream& stream = connection_->stream();
  stream.flush();
  if (stream.unsent() > 0) {
    client_ended_ = true;
  } else {
    end_tunnel();
  }
}

/// Either side has ended: so does the tunnel.
void UpstreamExchange::end_tunnel() { finish(Verdict::ok()); }

}  // namespace sluice
