#pragma once

#include <algorithm>
#include <string_view>

#include "base/string_map.h"

namespace sluice {

/// Values by host name, as in `server_name` and in `map` with `hostnames`: an exact name, then the
/// longest
/// `*.suffix`, then the longest `prefix.*`. Keys and values stay the caller's. `Text` says whether
/// letters' case counts.
template <typename T, typename Text = ExactText>
class NameTable {
 public:
  void add_exact(std::string_view name, T* value) { exact_.insert(name, value); }
  /// `.example.com` for `*.example.com`.
  void add_suffix(std::string_view suffix, T* value) {
    suffixes_.insert(suffix, value);
    longest_suffix_ = std::max(longest_suffix_, suffix.size());
  }
  /// `www.example.` for `www.example.*`.
  void add_prefix(std::string_view prefix, T* value) {
    prefixes_.insert(prefix, value);
    longest_prefix_ = std::max(longest_prefix_, prefix.size());
  }

  /// Null when nothing fits.
  T* find(std::string_view name) const {
    if (T* value = exact_.find(name)) return value;
    if (!suffixes_.empty()) {
      // Nothing longer than the longest key is hashed: a name of dots alone would take quadratic
      // time.
      size_t start = name.size() - std::min(name.size(), longest_suffix_);
      for (size_t dot = name.find('.', start); dot != name.npos; dot = name.find('.', dot + 1)) {
        if (T* value = suffixes_.find(name.substr(dot))) return value;
      }
    }
    if (!prefixes_.empty()) {
      for (size_t end = longest_prefix_; end > 0;) {
        size_t dot = name.rfind('.', end - 1);
        if (dot == name.npos) break;
        if (T* value = prefixes_.find(name.substr(0, dot + 1))) return value;
        end = dot;
      }
    }
    return nullptr;
  }

 private:
  StringMap<T, Text> exact_;
  StringMap<T, Text> suffixes_;
  StringMap<T, Text> prefixes_;
  size_t longest_suffix_ = 0;
  size_t longest_prefix_ = 0;
};

}  // namespace sluice
