// What an upstream that speaks HTTP/2 says, from bytes to codecs: two requests share a connection,
// one of which pauses now and then. However it is cut, nobody is told anything behind the end, no
// body is longer than its head has said, and nobody is forgotten when the connection ends.

#include <memory>
#include <string>

#include "fuzz/split.h"
#include "http/h2/client_codec.h"
#include "http/h2/client_session.h"

namespace {

using namespace sluice;
using Event = UpstreamCodec::Event;

/// Sockets aside, a stack.
class NoSockets final : public net::Stack {
 public:
  NoSockets() : Stack(std::make_shared<net::Turn>()) {}
  std::unique_ptr<net::Listener> listen(const net::ListenSocket&,
                                        net::Listener::Acceptor&) override {
    return nullptr;
  }
  net::StreamPtr connect(const net::Address&, const net::ConnectOptions&, net::Stream::Consumer&,
                         int&) override {
    return nullptr;
  }
  std::unique_ptr<net::DatagramSocket> open_datagrams(const net::ListenSocket&,
                                                      net::DatagramSocket::Consumer&) override {
    return nullptr;
  }
  void watch(int, void (*)(void*), void*) override {}
  void run() override {}
  void stop() override {}
  void finish_turn() { turn_->finish(); }
  bool is_idle() const { return turn_->idle(); }
};

/// Takes all that is written to it.
class Wire final : public net::Stream {
 public:
  void set_consumer(Consumer&) override {}
  void write(std::span<const char>) override {}
  std::span<char> prepare(size_t size) override {
    room_.resize(size);
    return room_;
  }
  void commit(size_t) override {}
  void write_file(FileRef, uint64_t, uint64_t) override {}
  void flush() override {}
  size_t unsent() const override { return 0; }
  void pause_reading() override {}
  void resume_reading() override {}
  void set_read_size(size_t) override {}
  void shutdown_write() override {}
  void close() override {}
  void reset() override {}
  const net::Address& remote_address() const override { return address_; }
  const net::Address& local_address() override { return address_; }
  void set_no_delay(bool) override {}
  void set_keepalive(bool) override {}

 private:
  std::string room_;
  net::Address address_;
};

/// A request, and what comes of it; the mirror of an UpstreamExchange.
class Request final : private net::Stream::Consumer {
 public:
  Request(h2::ClientSession& session, http::Method method, std::string_view body)
      : fields_(arena_), stream_(session.open()) {
    fields_.add(":method", method == http::Method::head ? "HEAD" : "POST");
    fields_.add(":scheme", "http");
    fields_.add(":path", "/");
    fields_.add(":authority", "a");
    codec_ = arena_.make<h2::ClientCodec>(
        arena_,
        h2::ClientCodec::Request{
            .fields = fields_, .method = method, .body = body, .body_follows = false},
        4096, true);
    stream_->set_consumer(*this);
  }

  bool over() const { return !stream_; }
  void pause() {
    if (stream_) stream_->pause_reading();
  }
  void resume() {
    if (stream_) stream_->resume_reading();
  }

 private:
  void on_connected() override { codec_->send_head(*stream_); }
  void on_data(std::span<const char> data) override {
    FUZZ_REQUIRE(stream_ != nullptr);
    std::string_view input(data.data(), data.size());
    for (;;) {
      std::string_view piece;
      switch (codec_->next(input, piece)) {
        case Event::more:
          FUZZ_REQUIRE(input.empty());
          return;
        case Event::hints:
          FUZZ_REQUIRE(!headed_);
          check_head();
          break;
        case Event::head:
          FUZZ_REQUIRE(!headed_);
          headed_ = true;
          check_head();
          break;
        case Event::body:
          FUZZ_REQUIRE(headed_ && !piece.empty());
          received_ += piece.size();
          FUZZ_REQUIRE(!codec_->head().content_length ||
                       received_ <= *codec_->head().content_length);
          break;
        case Event::end:
          FUZZ_REQUIRE(headed_);
          stream_.reset();
          return;
        case Event::unprocessed:
        case Event::refused:
          FUZZ_REQUIRE(!codec_->refusal().empty());
          stream_.reset();
          return;
        case Event::raw:
          FUZZ_REQUIRE(false);
      }
    }
  }
  void on_end() override { stream_.reset(); }
  void on_writable() override {}
  void on_error(int) override { stream_.reset(); }

  void check_head() {
    const http::ResponseHead& head = codec_->head();
    FUZZ_REQUIRE(head.status >= 100 && head.status <= 999 && head.status != 101);
    size_t size = 0;
    for (const http::Header& field : head.headers) {
      size += field.name.size() + field.value.size();
      FUZZ_REQUIRE(!field.name.empty() && field.name[0] != ':');
      FUZZ_REQUIRE(field.value.find_first_of(std::string_view("\r\n\0", 3)) == field.value.npos);
    }
    FUZZ_REQUIRE(size <= 4096);
  }

  Arena arena_;
  http::HeaderList fields_;
  h2::ClientCodec* codec_ = nullptr;
  net::StreamPtr stream_;
  uint64_t received_ = 0;
  bool headed_ = false;
};

class Connection final : private h2::ClientSession::Owner {
 public:
  explicit Connection(NoSockets& stack) : stack_(stack), session_(stack, *this) {}

  void feed(std::string_view bytes, size_t step) {
    Request first(session_, http::Method::post, std::string_view(body_, sizeof body_));
    Request second(session_, http::Method::head, {});
    session_.begin(wire_);
    stack_.finish_turn();
    bool paused = false;
    while (!bytes.empty() && session_.is_connected()) {
      fuzz::Exact piece(bytes.substr(0, step));
      bytes.remove_prefix(piece.view().size());
      session_.receive({piece.view().data(), piece.view().size()});
      paused = !paused;
      paused ? first.pause() : first.resume();
      stack_.finish_turn();
    }
    if (session_.is_connected()) session_.end();
    first.resume();
    while (!stack_.is_idle()) stack_.finish_turn();
    FUZZ_REQUIRE(first.over() && second.over() && session_.is_unused());
    stack_.finish_turn();
  }

 private:
  void on_unused() override {}
  void on_broken() override {}

  static constexpr char body_[100] = {};
  NoSockets& stack_;
  Wire wire_;
  h2::ClientSession session_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  NoSockets stack;
  for (size_t step : {bytes.size() + 1, size_t{1}, size_t{7}, size_t{100}}) {
    Connection(stack).feed(bytes, step);
  }
  return 0;
}
