#include "proxy/browser.h"

#include "proxy/exchange.h"

namespace sluice {

namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

std::string_view user_agent(const Exchange& exchange) {
  const http::Header* field = exchange.request.headers.find(http::HeaderId::user_agent);
  return field ? field->value : std::string_view();
}

bool is_msie(std::string_view agent) {
  return contains(agent, "MSIE ") && !contains(agent, "Opera");
}

// The engines that claim to be one another: nginx takes the first of these that is named.
bool names_only(std::string_view agent, std::string_view engine,
                std::initializer_list<std::string_view> others) {
  if (!contains(agent, engine) || contains(agent, "MSIE ") || contains(agent, "Opera"))
    return false;
  for (std::string_view other : others) {
    if (contains(agent, other)) return false;
  }
  return true;
}

}  // namespace

bool is_msie(const Exchange& exchange) { return is_msie(user_agent(exchange)); }

bool is_msie6(const Exchange& exchange) {
  std::string_view agent = user_agent(exchange);
  size_t at = agent.find("MSIE ");
  if (!is_msie(agent) || at + 8 > agent.size() || agent[at + 6] != '.') return false;
  char version = agent[at + 5];
  if (version == '6') return !contains(agent.substr(at + 8), "SV1");
  return version == '4' || version == '5';
}

bool is_chrome(const Exchange& exchange) {
  return names_only(user_agent(exchange), "Chrome/", {"Gecko/"});
}

bool is_safari(const Exchange& exchange) {
  std::string_view agent = user_agent(exchange);
  return names_only(agent, "Safari/", {"Gecko/", "Chrome/"}) && contains(agent, "Mac OS X");
}

}  // namespace sluice
