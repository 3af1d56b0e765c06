#pragma once

#include <string>

#include "proxy/disposable.h"

namespace sluice {

/// Input that was kept and is now used: others may have borrowed it until the event's end.
struct SpentInput : Disposable {
  explicit SpentInput(std::string input) : bytes(std::move(input)) {}
  std::string bytes;
};

}  // namespace sluice
