#pragma once

#include <unistd.h>

#include <memory>
#include <utility>

namespace sluice {

/// An open file descriptor, closed when its owner goes.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~Descriptor() { reset(); }

  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  void reset(int number = -1) {
    if (number_ >= 0) ::close(number_);
    number_ = number;
  }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

/// An open file that several responses may be reading.
class SharedFile {
 public:
  explicit SharedFile(Descriptor file) : file_(std::move(file)) {}
  int descriptor() const { return file_.get(); }

 private:
  Descriptor file_;
};
using FileRef = std::shared_ptr<const SharedFile>;

}  // namespace sluice
