#include "proxy/basic_credentials.h"

#include "base/encode.h"
#include "proxy/exchange.h"

namespace sluice {

std::optional<BasicCredentials> basic_credentials(Exchange& exchange) {
  constexpr std::string_view scheme = "Basic ";
  const http::Header* field = exchange.request.headers.find(http::HeaderId::authorization);
  if (!field || !http::iequals(field->value.substr(0, scheme.size()), scheme)) return std::nullopt;
  std::string_view encoded = field->value.substr(scheme.size());
  encoded.remove_prefix(std::min(encoded.find_first_not_of(' '), encoded.size()));
  if (encoded.empty()) return std::nullopt;
  std::optional<std::string_view> decoded = decode_base64(encoded, exchange.arena);
  if (!decoded) return std::nullopt;
  size_t colon = decoded->find(':');
  if (colon == 0 || colon == decoded->npos) return std::nullopt;
  return BasicCredentials{decoded->substr(0, colon), decoded->substr(colon + 1)};
}

}  // namespace sluice
