#pragma once

#include "http/downstream.h"
#include "proxy/verdict.h"

namespace sluice {

class Exchange;

/// A stage that the response body runs through. A header filter that needs the body makes one in
/// the arena and gives it to Exchange::add_body_filter(); the last stage is the client's codec.
class BodyFilter {
 public:
  /// Takes a piece; passes on what results by next().
  virtual Verdict write(Exchange& exchange, const http::Piece& piece) = 0;

 protected:
  ~BodyFilter() = default;
  Verdict next(Exchange& exchange, const http::Piece& piece);

 private:
  friend class Exchange;
  BodyFilter* next_ = nullptr;
};

}  // namespace sluice
