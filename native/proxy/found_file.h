#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>

#include "base/file.h"
#include "proxy/symlink_walk.h"

namespace sluice {

/// What became of looking for a file.
struct FoundFile {
  int error = 0;                  ///< an errno; 0: it is there
  const char* failed = "open()";  ///< the call that said so
  bool is_directory = false;
  bool is_regular = false;
  bool is_executable = false;  ///< by its owner
  uint64_t size = 0;
  int64_t modified = 0;  ///< seconds since 1970
  FileRef file = {};     ///< not of a directory, nor where only its existence was asked for
  std::span<const char> bytes =
      {};  ///< all of a small file, in place of `file`; they stay until the turn's end

  explicit operator bool() const { return error == 0; }
};

FoundFile describe(const struct stat& status);

enum class OpenMode : uint8_t { read, append };

/// Opens without ever waiting (for a FIFO's writer, say). Appending makes the file if need be.
/// `status` is filled in when it is there. A NUL follows the path.
FoundFile open_file(std::string_view path, OpenMode mode, const SymlinkRule& rule,
                    struct stat& status);

/// Asks what is there, without opening it where no rule wants the way checked.
FoundFile stat_file(std::string_view path, const SymlinkRule& rule, struct stat& status);

}  // namespace sluice
