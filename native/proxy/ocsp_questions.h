#pragma once

#include "tls/ocsp.h"

namespace sluice {

class DataThread;

/// OCSP responses through the control thread (src/proxy/upstream/ocsp-questions.ts).
class OcspQuestions final : public tls::OcspFetcher {
 public:
  explicit OcspQuestions(DataThread& thread) : thread_(thread) {}

  uint32_t fetch(const tls::OcspResponder& responder, std::string_view name,
                 std::string_view request, OnResponse on_response, void* context) override;
  void forget(uint32_t fetching) override;
  void report(std::string_view message, std::string_view name) override;

 private:
  DataThread& thread_;
};

}  // namespace sluice
