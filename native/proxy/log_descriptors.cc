#include "proxy/log_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"

namespace sluice {

void LogDescriptors::read(const plan::Node& fds, const std::vector<int>& numbers) {
  for (size_t i = 0; i < fds.size() && i < numbers.size(); ++i) {
    const plan::Node& fd = fds.at(i);
    if (fd["kind"].text() == "log") files_.push_back({numbers[i], std::string(fd["path"].text())});
  }
}

void LogDescriptors::reopen(const ErrorLog& error_log) {
  for (const File& file : files_) {
    Descriptor fresh(::open(file.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
    if (!fresh || ::dup3(fresh.get(), file.descriptor, O_CLOEXEC) < 0) {
      error_log.write_errno(LogLevel::emerg, {}, errno, "open() \"%s\" failed", file.path.c_str());
    }
  }
}

}  // namespace sluice
