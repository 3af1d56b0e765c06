#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/temp_file.h"
#include "proxy/upstream_conf.h"

namespace sluice {

class Exchange;

/// Between an upstream's response and a client that may be slower. While the client keeps up, bytes
/// go straight through and nothing is held here; then memory fills (`proxy_buffers`), then a
/// temporary file; then the upstream has to wait.
class ResponsePipe {
 public:
  ResponsePipe(Exchange& exchange, const UpstreamConf& conf) : exchange_(exchange), conf_(conf) {}

  /// Passes on what the client takes and keeps the rest. The bytes follow net::Stream::write()'s
  /// rule. False: the exchange is over.
  bool write(std::string_view bytes, bool flush);
  /// The client has room again. False: the exchange is over.
  bool drain();

  bool empty() const { return begin_ == end_ && file_begin_ == file_end_; }
  /// Nothing more should come until the client has taken some. Without buffering that is as soon as
  /// it is slow.
  bool full(bool buffering) const;

 private:
  bool keep(std::string_view bytes);
  bool spill();
  bool has_file_room(size_t size) const;
  size_t capacity() const { return conf_.buffer_count * conf_.buffers_size; }

  Exchange& exchange_;
  const UpstreamConf& conf_;
  std::unique_ptr<char[]> memory_;
  size_t size_ = 0;   ///< of memory_
  size_t begin_ = 0;  ///< what memory_ holds
  size_t end_ = 0;
  std::optional<TempFile> file_;  ///< what it holds comes before what memory_ holds
  uint64_t file_begin_ = 0;
  uint64_t file_end_ = 0;
  bool file_failed_ = false;
};

}  // namespace sluice
