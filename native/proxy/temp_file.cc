#include "proxy/temp_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>

namespace sluice {

namespace {

// As nginx: ten digits, counted from a random start, skipping ahead when a name is taken.
uint32_t next_number() {
  thread_local uint32_t number = std::random_device()();
  return ++number;
}

// `/var/body/0000012345` with levels 1 2 is `/var/body/5/34/0000012345`.
std::string path_of(const TempPath& path, std::string_view digits, bool make_directories) {
  std::string name(path.directory);
  size_t end = digits.size();
  for (uint8_t width : path.levels) {
    if (width > end) break;
    end -= width;
    name += '/';
    name += digits.substr(end, width);
    if (make_directories) ::mkdir(name.c_str(), 0700);
  }
  name += '/';
  name += digits;
  return name;
}

}  // namespace

std::optional<TempFile> TempFile::create(const TempPath& path, bool persistent) {
  TempFile temp;
  bool made_directories = false;
  for (;;) {
    char digits[11];
    std::snprintf(digits, sizeof digits, "%010u", next_number());
    temp.name_ = path_of(path, {digits, 10}, made_directories);
    Descriptor file(::open(temp.name_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file) {
      if (!persistent) ::unlink(temp.name_.c_str());
      temp.file_ = std::make_shared<const SharedFile>(std::move(file));
      return temp;
    }
    if (errno == EEXIST) continue;
    if (errno != ENOENT || made_directories) return std::nullopt;
    made_directories = true;
  }
}

bool TempFile::write(std::span<const char> bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::pwrite(file_->descriptor(), bytes.data(), bytes.size(), off_t(size_));
    if (written < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    size_ += uint64_t(written);
    bytes = bytes.subspan(size_t(written));
  }
  return true;
}

}  // namespace sluice
