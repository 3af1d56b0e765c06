#pragma once

namespace sluice {

/// Something that must outlive the callbacks on the stack right now; see DataThread::bury().
class Disposable {
 public:
  virtual ~Disposable() = default;
};

}  // namespace sluice
