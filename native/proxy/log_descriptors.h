#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "proxy/plan.h"

namespace sluice {

/// The log files among the inherited descriptors. Who writes to one keeps its number: after a
/// rotation it stands for the new file.
class LogDescriptors {
 public:
  /// `fds` is the Plan's table, `numbers` the descriptors by position in it.
  void read(const plan::Node& fds, const std::vector<int>& numbers);
  /// Opens each file anew by its path; one that can't be opened stays what it was.
  void reopen(const ErrorLog& error_log);

 private:
  struct File {
    int descriptor;
    std::string path;
  };
  std::vector<File> files_;
};

}  // namespace sluice
