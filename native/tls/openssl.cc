#include "tls/openssl.h"

namespace sluice::tls {

std::string take_errors() {
  std::string text;
  const char* data = nullptr;
  int flags = 0;
  while (unsigned long error = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    char line[256];
    ERR_error_string_n(error, line, sizeof line);
    text += text.empty() ? " (SSL: " : " ";
    text += line;
    if (data && *data && (flags & ERR_TXT_STRING)) text.append(":").append(data);
  }
  if (!text.empty()) text += ")";
  return text;
}

}  // namespace sluice::tls
