#include "proxy/found_file.h"

#include <fcntl.h>

#include <cerrno>

namespace sluice {

FoundFile describe(const struct stat& status) {
  FoundFile found;
  found.is_directory = S_ISDIR(status.st_mode);
  found.is_regular = S_ISREG(status.st_mode);
  found.size = uint64_t(status.st_size);
  found.modified = status.st_mtim.tv_sec;
  return found;
}

FoundFile stat_file(const char* path) {
  struct stat status;
  if (::stat(path, &status) == 0) return describe(status);
  return {.error = errno, .failed = "stat()"};
}

FoundFile open_file(const char* path, OpenMode mode, struct stat& status) {
  int flags = mode == OpenMode::read ? O_RDONLY | O_NONBLOCK : O_WRONLY | O_APPEND | O_CREAT;
  Descriptor descriptor(::open(path, flags | O_CLOEXEC, 0644));
  if (!descriptor) return {.error = errno};
  if (::fstat(descriptor.get(), &status) != 0) return {.error = errno, .failed = "fstat()"};
  FoundFile found = describe(status);
  if (!found.is_directory) found.file = std::make_shared<SharedFile>(std::move(descriptor));
  return found;
}

}  // namespace sluice
