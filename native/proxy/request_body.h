#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/file.h"
#include "proxy/temp_file.h"

namespace sluice {

class Exchange;

/// The client's request body: kept in memory up to client_body_buffer_size and in a temporary file
/// beyond, or passed on as it comes.
class RequestBody {
 public:
  explicit RequestBody(Exchange& exchange) : exchange_(exchange) {}
  ~RequestBody();

  /// Who wants the body.
  class Reader {
   public:
    /// buffer(): all of it is there. stream(): some more is there, or the end was reached
    /// (complete()).
    virtual void on_body() = 0;

   protected:
    ~Reader() = default;
  };

  /// Reads all of it, then calls reader.on_body(), at once when nothing is missing.
  /// A body that is too large, or a client that goes away, ends the exchange instead.
  void buffer(Reader& reader);
  /// As stream(), but what comes is always kept till take(): for a reader that wants the pieces of
  /// one read together.
  void gather(Reader& reader);
  /// Passes it on as it comes: on_body() after each arrival, take() hands out what is there.
  void stream(Reader& reader);
  /// Nobody wants it: the codec drops the rest, so that the connection can be used again.
  /// False: what has come of it is malformed.
  bool discard();
  /// There is none.
  void none() { complete_ = absent_ = true; }
  /// A subrequest's is what its parent has read by now.
  void share(const RequestBody& parent);

  /// True when every byte has arrived.
  bool complete() const { return complete_; }
  /// True when it is known that there is none.
  bool absent() const { return absent_; }
  bool begun() const { return mode_ != Mode::none; }
  bool discarded() const { return mode_ == Mode::discard; }
  /// What comes goes on at the reader's pace; else it is kept, or dropped, as fast as it comes.
  bool is_passed_on() const { return mode_ == Mode::gather || mode_ == Mode::stream; }
  /// Bytes that have arrived so far, without framing.
  uint64_t size() const { return size_; }
  /// The part in memory (all of it unless file()). Stays until the exchange ends, or take().
  std::span<const char> memory() const { return {memory_, memory_size_}; }
  /// The temporary file that holds the whole body, or null.
  const TempFile* file() const { return file_ ? &*file_ : nullptr; }

  /// stream(): what has come and was not taken yet; valid until the event's end, as Stream::write()
  /// wants it.
  std::span<const char> take();

  // --- From the codec ---
  void on_data(std::span<const char> data);
  void on_end();

 private:
  enum class Mode : uint8_t { none, gather, buffer, stream, discard };
  static constexpr size_t max_gathered = 64 * 1024;
  bool within_limit(size_t size);
  bool keep(std::span<const char> data);
  bool spill(std::span<const char> data);
  void reserve(size_t wanted);
  void start(Mode mode, Reader& reader);
  void send_continue();
  void drop_file();

  Exchange& exchange_;
  Reader* reader_ = nullptr;
  std::span<const char> passing_;  ///< stream(): the codec's bytes, during on_data() only
  char* memory_ = nullptr;
  size_t memory_size_ = 0;
  size_t memory_capacity_ = 0;
  char* taken_ = nullptr;  ///< stream(): what take() handed out; used in turn with memory_
  size_t taken_capacity_ = 0;
  uint64_t size_ = 0;
  std::optional<TempFile> file_;
  Mode mode_ = Mode::none;
  bool complete_ = false;
  bool absent_ = false;
  bool shared_ = false;  ///< the file is the parent's
};

}  // namespace sluice
