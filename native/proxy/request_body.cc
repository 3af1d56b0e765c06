#include "proxy/request_body.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "modules/http_core.h"
#include "proxy/exchange.h"

namespace sluice {

RequestBody::~RequestBody() { drop_file(); }

void RequestBody::drop_file() {
  if (!file_ || shared_) return;
  // client_body_in_file_only: `clean` removes what the handler has not moved away.
  if (exchange_.conf<CoreConf>().client_body_in_file_only == CoreConf::BodyInFile::clean) {
    ::unlink(file_->name().c_str());
  }
  file_.reset();
}

void RequestBody::buffer(Reader& reader) {
  start(Mode::buffer, reader);
  if (complete_) {
    reader.on_body();
  } else {
    exchange_.downstream.read_body(true);
  }
}

void RequestBody::gather(Reader& reader) {
  start(Mode::gather, reader);
  if (!complete_) exchange_.downstream.read_body(true);
}

void RequestBody::stream(Reader& reader) {
  start(Mode::stream, reader);
  if (complete_) {
    reader.on_body();
  } else {
    exchange_.downstream.read_body(true);
  }
}

void RequestBody::start(Mode mode, Reader& reader) {
  if (mode_ == Mode::discard) size_ = 0;  // what had come by then is nowhere any more
  mode_ = mode;
  reader_ = &reader;
  send_continue();
}

bool RequestBody::discard() {
  reader_ = nullptr;
  if (complete_ || mode_ == Mode::discard) return true;
  send_continue();
  mode_ = Mode::discard;
  memory_size_ = 0;
  drop_file();
  return exchange_.downstream.discard_body();
}

void RequestBody::share(const RequestBody& parent) {
  complete_ = true;
  memory_ = parent.memory_;
  memory_size_ = parent.memory_size_;
  size_ = parent.complete_ ? parent.size_ : 0;
  file_ = parent.file_;
  shared_ = true;
}

// RFC 9110, 10.1.1.
void RequestBody::send_continue() {
  if (std::exchange(exchange_.expect_tested, true)) return;
  if (exchange_.request.version < http::Version::http11) return;
  const http::Header* expect = exchange_.request.headers.find(http::HeaderId::expect);
  if (!expect || !http::iequals(expect->value, "100-continue")) return;
  http::HeaderList no_fields(exchange_.arena);
  exchange_.downstream.send_informational(100, no_fields);
}

void RequestBody::on_data(std::span<const char> data) {
  if (mode_ == Mode::discard || data.empty()) return;
  if (!within_limit(data.size())) return;
  size_ += data.size();
  if (mode_ == Mode::buffer) {
    if (!keep(data)) exchange_.finalize(Verdict::status(500));
    return;
  }
  if (memory_size_ == 0 && mode_ == Mode::stream) {
    passing_ = data;
    reader_->on_body();
    data = std::exchange(passing_, {});
    if (data.empty() || exchange_.ended() || !reader_) return;
  }
  // The reader takes no more for now: what the codec had in hand is kept, the rest stays in the
  // socket.
  reserve(memory_size_ + data.size());
  std::memcpy(memory_ + memory_size_, data.data(), data.size());
  memory_size_ += data.size();
  if (mode_ == Mode::stream || memory_size_ >= max_gathered) exchange_.downstream.read_body(false);
  if (mode_ == Mode::gather) reader_->on_body();
}

std::span<const char> RequestBody::take() {
  if (!passing_.empty()) return std::exchange(passing_, {});
  std::span<const char> taken = memory();
  if (taken.empty()) return {};
  memory_size_ = 0;
  std::swap(memory_, taken_);
  std::swap(memory_capacity_, taken_capacity_);
  if (!complete_) exchange_.downstream.read_body(true);
  return taken;
}

void RequestBody::on_end() {
  complete_ = true;
  bool only_file = exchange_.conf<CoreConf>().client_body_in_file_only != CoreConf::BodyInFile::off;
  bool unwritten = file_ ? memory_size_ > 0 : only_file;
  if (mode_ == Mode::buffer && unwritten && !spill({})) {
    exchange_.finalize(Verdict::status(500));
    return;
  }
  if (reader_) reader_->on_body();
}

bool RequestBody::within_limit(size_t size) {
  uint64_t limit = exchange_.conf<CoreConf>().client_max_body_size;
  if (limit == 0 || size_ + size <= limit) return true;
  exchange_.log(LogLevel::error, "client intended to send too large chunked body: %llu+%zu bytes",
                static_cast<unsigned long long>(size_), size);
  exchange_.keep_alive = false;
  discard();
  exchange_.finalize(Verdict::status(413));
  return false;
}

bool RequestBody::keep(std::span<const char> data) {
  const CoreConf& core = exchange_.conf<CoreConf>();
  bool only_file = core.client_body_in_file_only != CoreConf::BodyInFile::off;
  size_t limit = core.client_body_buffer_size;
  if (only_file || memory_size_ + data.size() > limit) return spill(data);
  size_t expected = exchange_.request.content_length.value_or(0);
  reserve(std::max(memory_size_ + data.size(), std::min<size_t>(expected, limit)));
  std::memcpy(memory_ + memory_size_, data.data(), data.size());
  memory_size_ += data.size();
  return true;
}

// What is in memory goes first, then `data`.
bool RequestBody::spill(std::span<const char> data) {
  const CoreConf& core = exchange_.conf<CoreConf>();
  if (!file_) {
    bool persistent = core.client_body_in_file_only != CoreConf::BodyInFile::off;
    file_ =
        TempFile::create({core.client_body_temp_path, core.client_body_temp_levels}, persistent);
    if (!file_) {
      exchange_.log_errno(LogLevel::crit, errno, "open() temporary file in \"%.*s\" failed",
                          int(core.client_body_temp_path.size()),
                          core.client_body_temp_path.data());
      return false;
    }
    exchange_.log(persistent ? LogLevel::notice : LogLevel::warn,
                  "a client request body is buffered to a temporary file %s",
                  file_->name().c_str());
  }
  if (!file_->write(memory()) || !file_->write(data)) {
    exchange_.log_errno(LogLevel::crit, errno, "pwrite() \"%s\" failed", file_->name().c_str());
    return false;
  }
  memory_size_ = 0;
  return true;
}

void RequestBody::reserve(size_t wanted) {
  if (wanted <= memory_capacity_) return;
  size_t capacity = std::max(wanted, memory_capacity_ * 2);
  char* larger = exchange_.arena.text(capacity).data();
  if (memory_size_) std::memcpy(larger, memory_, memory_size_);
  memory_ = larger;
  memory_capacity_ = capacity;
}

}  // namespace sluice
