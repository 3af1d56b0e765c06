// A WebTransport session over HTTP/2, between a client that sends anything and a handler that does
// something with every stream: what the handler hears makes sense, no window is exceeded, and what
// goes out is capsules.

#include "http/h2/webtransport_session.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace {

using namespace sluice;
using Bytes = std::span<const uint8_t>;

constexpr h2::WebTransportSession::Limits limits = {.streams = 3, .stream_window = 16};

void require(bool condition) {
  if (!condition) __builtin_trap();
}

/// The handler, and the HTTP/2 stream.
class Other final : public http::WebTransportSession, public h2::WebTransportSession::Host {
 public:
  explicit Other(bool reads) : reads_(reads) {}

  h2::WebTransportSession* session = nullptr;
  std::optional<uint32_t> error;
  std::string heard;  ///< whatever the client's pieces are
  bool room = true;
  bool over = false;
  bool later = false;

  // Host
  void produce_later() override { later = true; }
  void fail(uint32_t code) override {
    require(!error);
    error = code;
  }
  size_t sessions() const override { return 1; }

  // WebTransportSession
  bool on_stream(http::WebTransportStream& stream, bool bidirectional) override {
    require(!stream.context && open_[bidirectional] < limits.streams);
    open_[bidirectional]++;
    note("opened", ++last_);
    streams_.emplace(&stream, Known{last_, bidirectional});
    stream.context = this;
    return true;
  }
  void on_stream_data(http::WebTransportStream& stream, Bytes bytes, bool end) override {
    Known& known = at(stream);
    require(!known.ended);
    known.ended = end;
    known.data += as_text(bytes);
    held_ += bytes.size();
    require(held_ <= limits.window());
    if (end) note(known.data, known.number);
    if (!reads_) return;
    held_ -= bytes.size();
    stream.consume(bytes.size());
    stream.write(bytes);
    if (end) stream.finish();
  }
  void on_stream_reset(http::WebTransportStream& stream, uint32_t code) override {
    Known& known = at(stream);
    require(!known.ended);
    known.ended = true;
    note("reset", code);
    if (reads_) stream.reset(code);
  }
  void on_stream_stopped(http::WebTransportStream& stream, uint32_t code) override {
    require(!at(stream).stopped);
    at(stream).stopped = true;
    note("stopped", code);
    stream.stop(code);
  }
  void on_stream_sent(http::WebTransportStream& stream, size_t bytes) override {
    require(bytes > 0);
    at(stream);
  }
  void on_stream_finished(http::WebTransportStream& stream) override { at(stream); }
  void on_stream_gone(http::WebTransportStream& stream) override {
    Known known = at(stream);
    streams_.erase(&stream);
    if (known.ours) return;
    open_[known.bidirectional]--;
    session->on_forgotten(known.bidirectional);
  }
  void on_streams_allowed() override { open(); }
  void on_datagram(Bytes bytes) override {
    note(as_text(bytes), 0);
    session->send_datagram(bytes, 4);
  }
  void on_draining() override {}
  void on_close(uint32_t code, std::string_view reason) override {
    note(reason, code);
    over = true;
    streams_.clear();
    session->end();
  }
  void on_drain() override { note("drain", 0); }
  bool has_room() const override { return room && !over; }
  void send(std::string_view capsules) override {
    require(room && !capsules.empty());
    Bytes input = as_bytes(capsules);
    auto pieces = [](http::CapsuleType, uint64_t) { return http::CapsuleUse::pieces; };
    http::CapsuleReader reader(pieces);
    while (reader.next(input) != http::CapsuleReader::Event::more) continue;
    require(reader.between_capsules());
  }

  void open() {
    for (bool bidirectional : {false, true}) {
      h2::WebTransportStream* stream = session->open(bidirectional);
      if (!stream) continue;
      streams_.emplace(stream, Known{++last_, bidirectional, true});
      stream->context = this;
      stream->write(as_bytes("something to read"));
    }
  }

 private:
  struct Known {
    uint32_t number;
    bool bidirectional;
    bool ours = false;
    bool ended = false;
    bool stopped = false;
    std::string data = {};
  };
  Known& at(http::WebTransportStream& stream) {
    require(!over && stream.context == this && streams_.contains(&stream));
    return streams_.at(&stream);
  }
  void note(std::string_view what, uint32_t number) {
    ((heard += what) += std::to_string(number)) += '\n';
  }

  bool reads_;
  std::unordered_map<http::WebTransportStream*, Known> streams_;
  uint32_t open_[2] = {0, 0};
  uint32_t last_ = 0;
  size_t held_ = 0;
};

/// What the handler has heard, and the error that it all ended with.
std::string run(Bytes input, size_t piece, bool reads, bool produces) {
  Other other(reads);
  h2::WebTransportWindows client = {.data = 30, .stream_data = {10, 20}, .streams = {1, 1}};
  h2::WebTransportSession session(other, limits, client, false);
  other.session = &session;
  session.begin(other);
  while (!input.empty() && !other.error) {
    Bytes part = input.first(std::min(piece, input.size()));
    input = input.subspan(part.size());
    bool wrong = session.receive(part) != nullptr;
    require(wrong == other.error.has_value());
    if (!produces || wrong) continue;
    if (std::exchange(other.later, false)) session.produce();
    other.room = !other.room;
    if (other.room) session.on_room();
    if (!other.over) other.open();
  }
  if (!other.over) session.end();
  return other.heard + std::to_string(other.error.value_or(0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes input(data, size);
  for (bool reads : {false, true}) {
    std::string whole = run(input, size, reads, false);
    for (size_t piece : {1, 3}) require(run(input, piece, reads, false) == whole);
    run(input, 7, reads, true);
  }
  return 0;
}
