#pragma once

#include <string_view>

namespace sluice {

/// `/path?args`, taken apart at the first question mark; where nginx redirects internally by text.
struct UriTarget {
  std::string_view uri;
  std::string_view args;
};

constexpr UriTarget split_target(std::string_view text) {
  size_t mark = text.find('?');
  if (mark == text.npos) return {text, {}};
  return {text.substr(0, mark), text.substr(mark + 1)};
}

}  // namespace sluice
