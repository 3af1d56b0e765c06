#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace sluice::http {

/// A field name in lower case, compared a word at a time. Where it has a letter, the other side's
/// case bit is set first, so that nothing but the letter's two cases is equal.
template <size_t N>
struct LowerName {
  char text[N]{};
  char fold[N]{};
  static constexpr size_t size = N - 1;

  // NOLINTNEXTLINE(google-explicit-constructor): a template argument is written as a plain literal
  consteval LowerName(const char (&literal)[N]) {
    for (size_t i = 0; i < size; ++i) {
      text[i] = literal[i];
      fold[i] = literal[i] >= 'a' && literal[i] <= 'z' ? 0x20 : 0;
    }
  }
};

template <typename Word>
Word load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

template <LowerName name, typename Word>
bool word_matches(const char* text, size_t at) {
  return (load<Word>(text + at) | load<Word>(name.fold + at)) == load<Word>(name.text + at);
}

/// `text` has as many characters as `name`. Words may overlap.
template <LowerName name>
bool matches(const char* text) {
  constexpr size_t size = name.size;
  if constexpr (size >= 8) {
    if (!word_matches<name, uint64_t>(text, size - 8)) return false;
    for (size_t at = 0; at + 8 < size; at += 8) {
      if (!word_matches<name, uint64_t>(text, at)) return false;
    }
    return true;
  } else if constexpr (size >= 4) {
    return word_matches<name, uint32_t>(text, 0) && word_matches<name, uint32_t>(text, size - 4);
  } else {
    return word_matches<name, uint16_t>(text, 0) && word_matches<name, uint16_t>(text, size - 2);
  }
}

template <LowerName name>
bool equals(std::string_view text) {
  return text.size() == name.size && matches<name>(text.data());
}

}  // namespace sluice::http
