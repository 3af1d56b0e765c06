#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/plan.h"
#include "proxy/variable.h"

namespace sluice {

class Exchange;

/// Text with variables, compiled in TypeScript (Plan: Template).
class Template {
 public:
  Template() = default;
  static Template read(const plan::Node& node);

  /// False: the Plan had none.
  explicit operator bool() const { return given_; }
  bool is_constant() const { return parts_.empty(); }
  /// The whole text, when constant.
  std::string_view constant() const { return literal_; }

  enum class CaptureEscape : uint8_t {
    none,
    args,  ///< $1… are percent-encoded as arguments: what the URI had encoded stays one argument
  };

  /// The text for this exchange: the literal itself, a lone variable's value, or made in the
  /// exchange's arena. A volatile variable is computed anew, once however often it occurs.
  std::string_view evaluate(Exchange& exchange, CaptureEscape escape = CaptureEscape::none) const;

 private:
  struct Part {
    enum class Kind : uint8_t { literal, variable, same_variable, capture } kind;
    uint32_t index = 0;  // a variable's slot, or the capture's number
    std::string_view literal;
  };
  std::string_view text_of(const Part& part, Exchange& exchange, CaptureEscape escape) const;

  bool given_ = false;
  std::string_view literal_;
  std::vector<Part> parts_;
};

}  // namespace sluice
