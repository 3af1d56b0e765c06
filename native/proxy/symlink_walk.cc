#include "proxy/symlink_walk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

namespace sluice {

namespace {

constexpr int directory_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
constexpr mode_t new_file_mode = 0644;

/// The link and what it points to must belong to the same user. Whether it is a link at all cannot
/// be known for sure between two calls, so the owners are compared in any case.
Descriptor open_if_owner(int at, const char* name, int flags) {
  Descriptor opened(::openat(at, name, flags));
  struct stat target;
  struct stat entry;
  if (!opened) return opened;
  if (::fstatat(at, name, &entry, AT_SYMLINK_NOFOLLOW) != 0) return Descriptor();
  if (::fstat(opened.get(), &target) != 0) return Descriptor();
  if (target.st_uid == entry.st_uid) return opened;
  errno = ELOOP;
  return Descriptor();
}

Descriptor open_entry(int at, const char* name, int flags, SymlinkRule::Check check) {
  // A file that is to be made must not be a link to anywhere.
  if (check == SymlinkRule::Check::if_not_owner && !(flags & O_CREAT)) {
    return open_if_owner(at, name, flags);
  }
  return Descriptor(::openat(at, name, flags | O_NOFOLLOW, new_file_mode));
}

Descriptor open_start(std::string_view path, size_t trusted) {
  std::string_view start = path.starts_with('/') ? "/" : ".";
  if (trusted > 0) start = path.substr(0, trusted);
  return Descriptor(::open(std::string(start).c_str(), directory_flags | O_NONBLOCK));
}

}  // namespace

Descriptor open_without_symlinks(std::string_view path, int flags, const SymlinkRule& rule) {
  Descriptor directory = open_start(path, rule.trusted);
  std::string_view rest = path.substr(rule.trusted);
  while (directory) {
    size_t begin = rest.find_first_not_of('/');
    // The path ends with a slash: it must be a directory, which the walk has shown.
    if (begin == rest.npos) {
      return Descriptor(::openat(directory.get(), ".", flags, new_file_mode));
    }
    rest.remove_prefix(begin);
    size_t slash = rest.find('/');
    if (slash == rest.npos) return open_entry(directory.get(), rest.data(), flags, rule.check);
    std::string name(rest.substr(0, slash));
    directory = open_entry(directory.get(), name.c_str(), directory_flags | O_NONBLOCK, rule.check);
    rest.remove_prefix(slash);
  }
  return Descriptor();
}

}  // namespace sluice
