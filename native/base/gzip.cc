#include "base/gzip.h"

#include <zlib.h>

namespace sluice {

std::optional<std::string> gzip(std::string_view bytes, int level) {
  // A window larger than the data would only cost memory.
  int window_bits = MAX_WBITS;
  int memory_level = MAX_MEM_LEVEL - 1;
  while (window_bits > 9 && memory_level > 1 && bytes.size() < (1u << (window_bits - 1)) - 262) {
    --window_bits;
    --memory_level;
  }
  constexpr int gzip_format = 16;
  z_stream stream = {};
  if (deflateInit2(&stream, level, Z_DEFLATED, window_bits + gzip_format, memory_level,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  std::string out(deflateBound(&stream, uLong(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = uInt(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = uInt(out.size());
  bool complete = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  if (!complete) return std::nullopt;
  return out;
}

}  // namespace sluice
