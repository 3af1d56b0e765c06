#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"

namespace sluice {

/// Where temporary files go: a directory and the widths of its levels of subdirectories
/// (`client_body_temp_path path 1 2`).
struct TempPath {
  std::string_view directory;
  std::span<const uint8_t> levels;
};

/// A body too large for memory, on its way: written at the end, read anywhere. Has no name on disk
/// unless it is to stay.
class TempFile {
 public:
  /// Nothing on failure, with errno set. `persistent`: keeps a name (client_body_in_file_only).
  static std::optional<TempFile> create(const TempPath& path, bool persistent);

  /// Appends; false on failure (errno; ENOSPC when the disk is full).
  bool write(std::span<const char> bytes);
  uint64_t size() const { return size_; }
  const FileRef& file() const { return file_; }
  /// Its name, or the one it had.
  const std::string& name() const { return name_; }

 private:
  FileRef file_;
  std::string name_;
  uint64_t size_ = 0;
};

}  // namespace sluice
