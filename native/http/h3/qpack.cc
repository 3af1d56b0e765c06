#include "http/h3/qpack.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "http/h3/frames.h"

namespace sluice::h3 {
namespace {

std::string_view view(nghttp3_rcbuf* buffer) {
  nghttp3_vec bytes = nghttp3_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

/// This thread's encoder, which has no state as long as no table is used, and its buffers.
struct Encoder {
  nghttp3_qpack_encoder* encoder = nullptr;
  nghttp3_buf prefix, fields, instructions;
  std::vector<nghttp3_nv> list;

  Encoder() {
    nghttp3_qpack_encoder_new(&encoder, 0, nghttp3_mem_default());
    for (nghttp3_buf* buffer : {&prefix, &fields, &instructions}) nghttp3_buf_init(buffer);
  }
  ~Encoder() {
    for (nghttp3_buf* buffer : {&prefix, &fields, &instructions}) {
      nghttp3_buf_free(buffer, nghttp3_mem_default());
    }
    nghttp3_qpack_encoder_del(encoder);
  }
  static Encoder& of_thread() {
    static thread_local std::unique_ptr<Encoder> made;
    if (!made) made = std::make_unique<Encoder>();
    return *made;
  }
};

uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
}

std::span<const uint8_t> content(const nghttp3_buf& buffer) { return {buffer.pos, buffer.last}; }

}  // namespace

QpackDecoder::QpackDecoder(uint64_t table_capacity, uint64_t max_blocked_streams) {
  nghttp3_qpack_decoder_new(&decoder_, table_capacity, max_blocked_streams, nghttp3_mem_default());
}

QpackDecoder::~QpackDecoder() { nghttp3_qpack_decoder_del(decoder_); }

bool QpackDecoder::read_encoder(std::span<const uint8_t> bytes) {
  return nghttp3_qpack_decoder_read_encoder(decoder_, bytes.data(), bytes.size()) >= 0;
}

void QpackDecoder::write_decoder(quic::SendBuffer& out) {
  size_t size = nghttp3_qpack_decoder_get_decoder_streamlen(decoder_);
  if (size == 0) return;
  std::vector<uint8_t> bytes(size);
  nghttp3_buf buffer = {bytes.data(), bytes.data() + size, bytes.data(), bytes.data()};
  nghttp3_qpack_decoder_write_decoder(decoder_, &buffer);
  out.write(content(buffer));
}

void QpackDecoder::cancel(int64_t stream) { nghttp3_qpack_decoder_cancel_stream(decoder_, stream); }

uint64_t QpackDecoder::insert_count() const { return nghttp3_qpack_decoder_get_icnt(decoder_); }

SectionDecoder::SectionDecoder(int64_t stream) {
  nghttp3_qpack_stream_context_new(&context_, stream, nghttp3_mem_default());
}

SectionDecoder::~SectionDecoder() {
  drop_field();
  nghttp3_qpack_stream_context_del(context_);
}

void SectionDecoder::drop_field() {
  if (!field_.name) return;
  nghttp3_rcbuf_decref(field_.name);
  nghttp3_rcbuf_decref(field_.value);
  field_ = {};
}

void SectionDecoder::reset() {
  drop_field();
  nghttp3_qpack_stream_context_reset(context_);
}

SectionDecoder::Result SectionDecoder::next(QpackDecoder& decoder, std::span<const uint8_t>& input,
                                            bool last, std::string_view& name,
                                            std::string_view& value) {
  drop_field();
  uint8_t flags = 0;
  nghttp3_ssize taken = nghttp3_qpack_decoder_read_request(decoder.get(), context_, &field_, &flags,
                                                           input.data(), input.size(), last);
  if (taken < 0) {
    field_ = {};
    return Result::failed;
  }
  input = input.subspan(size_t(taken));
  if (flags & NGHTTP3_QPACK_DECODE_FLAG_EMIT) {
    name = view(field_.name);
    value = view(field_.value);
    return Result::field;
  }
  field_ = {};
  if (flags & NGHTTP3_QPACK_DECODE_FLAG_BLOCKED) return Result::blocked;
  return flags & NGHTTP3_QPACK_DECODE_FLAG_FINAL ? Result::complete : Result::more;
}

bool SectionDecoder::unblocked(const QpackDecoder& decoder) const {
  return nghttp3_qpack_stream_context_get_ricnt(context_) <= decoder.insert_count();
}

// 1xxxxxxx inserts a value under a known name, 01xxxxxx a name and a value; 001xxxxx sets the
// table's capacity, 000xxxxx doubles an entry. False: the number goes on.
bool EncoderStreamCheck::begin(uint8_t byte) {
  uint8_t bits = 5;
  if (std::exchange(value_next_, false)) {
    meaning_ = Meaning::value_size;
    bits = 7;
  } else if (byte & 0x80) {
    meaning_ = Meaning::index;
    bits = 6;
  } else {
    meaning_ = byte & 0x40 ? Meaning::name_size : Meaning::nothing;
  }
  const uint8_t mask = uint8_t((1 << bits) - 1);
  number_ = byte & mask;
  shift_ = 0;
  within_number_ = number_ == mask;
  return !within_number_;
}

bool EncoderStreamCheck::read(std::span<const uint8_t> bytes, uint64_t most) {
  while (!bytes.empty()) {
    if (skipped_ > 0) {
      size_t size = size_t(std::min<uint64_t>(skipped_, bytes.size()));
      skipped_ -= size;
      bytes = bytes.subspan(size);
      continue;
    }
    uint8_t byte = bytes.front();
    bytes = bytes.subspan(1);
    if (within_number_) {
      // What is larger than this nghttp3 has refused already.
      if (shift_ < 56) number_ += uint64_t(byte & 0x7f) << shift_;
      shift_ += 7;
      within_number_ = byte & 0x80;
      if (within_number_) continue;
    } else if (!begin(byte)) {
      continue;
    }
    bool is_size = meaning_ == Meaning::name_size || meaning_ == Meaning::value_size;
    if (is_size && number_ > most) return false;
    if (is_size) skipped_ = number_;
    value_next_ = meaning_ == Meaning::name_size || meaning_ == Meaning::index;
  }
  return true;
}

// 1xxxxxxx acknowledges a section, 00xxxxxx insertions; 01xxxxxx cancels a stream, whose number may
// go on in further bytes (RFC 9204, 4.1.1).
bool DecoderStreamCheck::read(std::span<const uint8_t> bytes) {
  for (uint8_t byte : bytes) {
    if (within_number_) {
      within_number_ = byte & 0x80;
      continue;
    }
    if ((byte & 0xc0) != 0x40) return false;
    within_number_ = (byte & 0x3f) == 0x3f;
  }
  return true;
}

size_t write_headers(std::span<const http::SectionField> section, int64_t stream,
                     quic::SendBuffer& out) {
  Encoder& encoder = Encoder::of_thread();
  encoder.list.clear();
  for (const http::SectionField& field : section) {
    encoder.list.push_back({bytes_of(field.name), bytes_of(field.value), field.name.size(),
                            field.value.size(),
                            NGHTTP3_NV_FLAG_NO_COPY_NAME | NGHTTP3_NV_FLAG_NO_COPY_VALUE});
  }
  nghttp3_buf_reset(&encoder.prefix);
  nghttp3_buf_reset(&encoder.fields);
  nghttp3_buf_reset(&encoder.instructions);
  nghttp3_qpack_encoder_encode(encoder.encoder, &encoder.prefix, &encoder.fields,
                               &encoder.instructions, stream, encoder.list.data(),
                               encoder.list.size());
  std::span<const uint8_t> prefix = content(encoder.prefix), fields = content(encoder.fields);
  uint8_t head[max_frame_head_size];
  uint8_t* end = put_frame_head(head, FrameType::headers, prefix.size() + fields.size());
  out.write({head, end});
  out.write(prefix);
  out.write(fields);
  return size_t(end - head) + prefix.size() + fields.size();
}

}  // namespace sluice::h3
