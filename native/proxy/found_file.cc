#include "proxy/found_file.h"

#include <fcntl.h>

#include <cerrno>

namespace sluice {

FoundFile describe(const struct stat& status) {
  FoundFile found;
  found.is_directory = S_ISDIR(status.st_mode);
  found.is_regular = S_ISREG(status.st_mode);
  found.is_executable = status.st_mode & S_IXUSR;
  found.size = uint64_t(status.st_size);
  found.modified = status.st_mtim.tv_sec;
  return found;
}

FoundFile open_file(std::string_view path, OpenMode mode, const SymlinkRule& rule,
                    struct stat& status) {
  int flags = mode == OpenMode::read ? O_RDONLY | O_NONBLOCK : O_WRONLY | O_APPEND | O_CREAT;
  flags |= O_CLOEXEC;
  bool free = rule.check == SymlinkRule::Check::off;
  Descriptor descriptor = free ? Descriptor(::open(path.data(), flags, 0644))
                               : open_without_symlinks(path, flags, rule);
  if (!descriptor) return {.error = errno, .failed = free ? "open()" : "openat()"};
  if (::fstat(descriptor.get(), &status) != 0) return {.error = errno, .failed = "fstat()"};
  FoundFile found = describe(status);
  if (!found.is_directory) found.file = std::make_shared<SharedFile>(std::move(descriptor));
  return found;
}

FoundFile stat_file(std::string_view path, const SymlinkRule& rule, struct stat& status) {
  if (rule.check != SymlinkRule::Check::off) {
    FoundFile found = open_file(path, OpenMode::read, rule, status);
    found.file.reset();
    return found;
  }
  if (::stat(path.data(), &status) != 0) return {.error = errno, .failed = "stat()"};
  return describe(status);
}

}  // namespace sluice
