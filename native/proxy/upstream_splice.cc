// A large body between two plain sockets: the kernel moves it, without a copy (splice(2)).

#include "modules/http_core.h"
#include "proxy/upstream_exchange.h"

namespace sluice {

namespace {

/// Less than this isn't worth a pipe.
constexpr uint64_t least_splice = 64 * 1024;
/// A buffered response's client that takes nothing for so long doesn't keep the upstream waiting.
constexpr uint64_t patience_ms = 1000;

}  // namespace

/// True: the rest of the body goes by itself.
bool UpstreamExchange::begin_splice() {
  if (codec_->plain_remaining() < least_splice || limit_rate_ || client_is_slow_ || !pipe_.empty())
    return false;
  net::Stream& stream = connection_->stream();
  if (stream.kernel_descriptor() < 0) return false;
  // The head, and what has come of the body, go first.
  exchange.downstream.flush();
  int client = exchange.direct_descriptor();
  if (client < 0 || !stream.read_directly(true)) return false;
  splice_.emplace(stream.kernel_descriptor(), client, codec_->plain_remaining());
  return true;
}

void UpstreamExchange::on_upstream_readable() {
  if (splice_) pump();
}

void UpstreamExchange::pump() {
  using Result = net::SplicePump::Result;
  uint64_t written = splice_->written();
  uint64_t read = splice_->read();
  Result result = splice_->pump();
  exchange.sent_directly(splice_->written() - written);
  try_->bytes_received += splice_->read() - read;
  try_->response_length += splice_->read() - read;
  switch (result) {
    case Result::read_blocked:
      pace_timer_.cancel();
      connection_->set_timeout(conf.read_timeout);
      return;
    case Result::write_blocked:
      exchange.downstream.await_room();
      if (buffering_) {
        connection_->cancel_timeout();
        pace_timer_.set(patience_ms);
      } else {
        connection_->set_timeout(exchange.conf<CoreConf>().send_timeout);
      }
      return;
    case Result::yielded:
      connection_->set_timeout(conf.read_timeout);
      connection_->stream().read_directly(true);
      return;
    case Result::done:
      end_splice();
      end_response({});
      return;
    case Result::ended:
      end_splice();
      on_upstream_end();
      return;
    case Result::read_failed: {
      int error = splice_->error();
      end_splice();
      on_upstream_error(error);
      return;
    }
    case Result::write_failed:
      exchange.log_errno(LogLevel::info, splice_->error(), "splice() failed");
      finish(Verdict::fail());
      return;
  }
}

void UpstreamExchange::end_splice() {
  if (!splice_) return;
  codec_->skipped(splice_->read());
  splice_.reset();
  connection_->stream().read_directly(false);
}

/// What is in the pipe goes by the client's queue, and what follows may be buffered.
void UpstreamExchange::on_slow_client() {
  client_is_slow_ = true;
  char bytes[16 * 1024];
  while (size_t size = splice_->take_back(bytes)) {
    if (!pipe_.write({bytes, size}, false)) return;
    exchange.downstream.flush();
  }
  end_splice();
  wait_for_more();
}

}  // namespace sluice
