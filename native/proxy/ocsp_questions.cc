#include "proxy/ocsp_questions.h"

#include "base/encode.h"
#include "proxy/data_thread.h"

namespace sluice {

// A line each, and the URL last: it may be what a stranger's certificate says.
uint32_t OcspQuestions::fetch(const tls::OcspResponder& responder, std::string_view name,
                              std::string_view request, OnResponse on_response, void* context) {
  std::string question(base64_size(request.size()), '\0');
  encode_base64(request, question.data());
  for (std::string_view line : {name, responder.resolver, responder.addresses, responder.url}) {
    question.append(1, '\n').append(line);
  }
  return thread_.ask("ocsp", question, timeout_ms, on_response, context);
}

void OcspQuestions::forget(uint32_t fetching) { thread_.forget_question(fetching); }

void OcspQuestions::report(std::string_view message, std::string_view name) {
  thread_.error_log().write(LogLevel::error, {},
                            "%.*s while requesting certificate status, certificate: \"%.*s\"",
                            int(message.size()), message.data(), int(name.size()), name.data());
}

}  // namespace sluice
