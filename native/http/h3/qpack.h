#pragma once

#include <nghttp3/nghttp3.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "http/response_section.h"
#include "quic/send_buffer.h"

/// Field compression (RFC 9204), by nghttp3. Responses use the static table alone: nothing that one
/// stream sends waits for another.
namespace sluice::h3 {

/// A connection's decoder, and what it says to the client's encoder.
class QpackDecoder {
 public:
  /// Of a client that may have so many bytes inserted, and so many streams wait for insertions.
  QpackDecoder(uint64_t table_capacity, uint64_t max_blocked_streams);
  ~QpackDecoder();
  QpackDecoder(const QpackDecoder&) = delete;
  QpackDecoder& operator=(const QpackDecoder&) = delete;

  /// Bytes of the client's encoder stream; false: they make no sense.
  bool read_encoder(std::span<const uint8_t> bytes);
  /// Moves what is to be said to the client's encoder behind `out`.
  void write_decoder(quic::SendBuffer& out);
  void cancel(int64_t stream);
  uint64_t insert_count() const;
  nghttp3_qpack_decoder* get() { return decoder_; }

 private:
  nghttp3_qpack_decoder* decoder_ = nullptr;
};

/// One field section on its way in.
class SectionDecoder {
 public:
  explicit SectionDecoder(int64_t stream);
  ~SectionDecoder();
  SectionDecoder(const SectionDecoder&) = delete;
  SectionDecoder& operator=(const SectionDecoder&) = delete;

  enum class Result : uint8_t { field, more, complete, blocked, failed };
  /// Takes from the front of `input`; `last`: the section ends with it. Call again after a field,
  /// which stays until then.
  Result next(QpackDecoder& decoder, std::span<const uint8_t>& input, bool last,
              std::string_view& name, std::string_view& value);
  /// After blocked: whether what it waits for is there.
  bool unblocked(const QpackDecoder& decoder) const;
  /// For the next section of the stream.
  void reset();

 private:
  void drop_field();
  nghttp3_qpack_stream_context* context_ = nullptr;
  nghttp3_qpack_nv field_{};
};

/// Looks for insertions that no request could use: nghttp3 bounds them by the table alone.
class EncoderStreamCheck {
 public:
  /// False: a name or a value takes more than `most` bytes.
  bool read(std::span<const uint8_t> bytes, uint64_t most);

 private:
  /// What a number says (RFC 9204, 4.3).
  enum class Meaning : uint8_t { nothing, index, name_size, value_size };
  bool begin(uint8_t byte);

  uint64_t number_ = 0;
  uint64_t skipped_ = 0;  ///< of a string, bytes to come
  Meaning meaning_ = Meaning::nothing;
  uint8_t shift_ = 0;
  bool within_number_ = false;
  bool value_next_ = false;
};

/// Checks what a client's decoder says; as no response refers to a dynamic table, it can only
/// cancel streams (RFC 9204, 4.4).
class DecoderStreamCheck {
 public:
  /// False: QPACK_DECODER_STREAM_ERROR.
  bool read(std::span<const uint8_t> bytes);

 private:
  bool within_number_ = false;
};

/// A HEADERS frame with the section; its size.
size_t write_headers(std::span<const http::SectionField> section, int64_t stream,
                     quic::SendBuffer& out);

}  // namespace sluice::h3
