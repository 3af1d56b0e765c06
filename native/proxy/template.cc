#include "proxy/template.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/encode.h"
#include "proxy/exchange.h"

namespace sluice {

Template Template::read(const plan::Node& node) {
  Template result;
  result.given_ = bool(node);
  if (!node.is_array()) {
    result.literal_ = node.text();
    return result;
  }
  for (const plan::Node& item : node.items()) {
    Part part{Part::Kind::literal, 0, item.text()};
    if (item.is_integer() && item.integer() < 0) {
      part.kind = Part::Kind::capture;
      part.index = uint32_t(-1 - item.integer());
    } else if (item.is_integer()) {
      part.index = uint32_t(item.integer());
      auto same = [&](const Part& other) {
        return other.kind == Part::Kind::variable && other.index == part.index;
      };
      part.kind = std::ranges::any_of(result.parts_, same) ? Part::Kind::same_variable
                                                           : Part::Kind::variable;
    }
    result.parts_.push_back(part);
  }
  return result;
}

std::string_view Template::text_of(const Part& part, Exchange& exchange,
                                   CaptureEscape escape_captures) const {
  switch (part.kind) {
    case Part::Kind::literal:
      return part.literal;
    case Part::Kind::variable:
      return exchange.fresh_variable(part.index).text;
    case Part::Kind::same_variable:
      return exchange.variable(part.index).text;
    case Part::Kind::capture:
      break;
  }
  std::string_view text = exchange.captures.get(part.index);
  return escape_captures == CaptureEscape::args ? escape(Escape::args, text, exchange.arena) : text;
}

std::string_view Template::evaluate(Exchange& exchange, CaptureEscape escape_captures) const {
  if (parts_.empty()) return literal_;
  if (parts_.size() == 1) return text_of(parts_[0], exchange, escape_captures);

  std::array<std::string_view, 16> few;
  std::span<std::string_view> texts = few;
  if (parts_.size() > few.size()) texts = exchange.arena.array<std::string_view>(parts_.size());
  size_t size = 0;
  for (size_t i = 0; i < parts_.size(); ++i) {
    texts[i] = text_of(parts_[i], exchange, escape_captures);
    size += texts[i].size();
  }
  std::span<char> result = exchange.arena.text(size);
  char* end = result.data();
  for (std::string_view text : texts.first(parts_.size())) end = std::ranges::copy(text, end).out;
  return {result.data(), size};
}

}  // namespace sluice
