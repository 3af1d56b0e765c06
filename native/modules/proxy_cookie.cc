// Set-Cookie fields taken apart, changed, and put together again (RFC 6265, 4.1).

#include <vector>

#include "modules/proxy_rewrite.h"

namespace sluice {

namespace {

struct Attribute {
  std::string_view name;
  std::string_view value;
  bool has_value = false;
  bool removed = false;
};

std::string_view trim_spaces(std::string_view text) {
  size_t begin = text.find_first_not_of(' ');
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

std::vector<Attribute> parse(std::string_view value) {
  std::vector<Attribute> attributes;
  for (;;) {
    size_t semicolon = value.find(';');
    std::string_view part = value.substr(0, semicolon);
    size_t equals = part.find('=');
    Attribute& attribute = attributes.emplace_back();
    attribute.name = trim_spaces(part.substr(0, equals));
    attribute.has_value = equals != part.npos;
    if (attribute.has_value) attribute.value = trim_spaces(part.substr(equals + 1));
    if (semicolon == value.npos) return attributes;
    value.remove_prefix(semicolon + 1);
  }
}

using Change = ProxyCookieFlags::Change;

std::string_view site_name(Change::Site site) {
  switch (site) {
    case Change::Site::strict:
      return "Strict";
    case Change::Site::lax:
      return "Lax";
    case Change::Site::none:
      return "None";
    default:
      return {};
  }
}

// What is there already stays as it is written; what is missing is added at the end.
void apply(std::vector<Attribute>& attributes, Change change) {
  std::string_view site = site_name(change.same_site);
  bool add_site = !site.empty();
  for (size_t i = 1; i < attributes.size(); ++i) {
    Attribute& attribute = attributes[i];
    if (http::iequals(attribute.name, "secure")) {
      if (!change.add_secure && change.remove_secure) attribute.removed = true;
      change.add_secure = false;
    } else if (http::iequals(attribute.name, "httponly")) {
      if (!change.add_http_only && change.remove_http_only) attribute.removed = true;
      change.add_http_only = false;
    } else if (http::iequals(attribute.name, "samesite")) {
      if (change.same_site == Change::Site::remove) {
        attribute.removed = true;
      } else if (add_site) {
        if (!http::iequals(attribute.value, site)) attribute = {"SameSite", site, true, false};
        add_site = false;
      }
    }
  }
  if (change.add_secure) attributes.push_back({"Secure", {}, false, false});
  if (change.add_http_only) attributes.push_back({"HttpOnly", {}, false, false});
  if (add_site) attributes.push_back({"SameSite", site, true, false});
}

std::string_view join(const std::vector<Attribute>& attributes, Arena& arena) {
  size_t size = 0;
  for (const Attribute& attribute : attributes)
    size += 3 + attribute.name.size() + attribute.value.size();
  std::span<char> text = arena.text(size);
  char* out = text.data();
  for (size_t i = 0; i < attributes.size(); ++i) {
    const Attribute& attribute = attributes[i];
    if (attribute.removed) continue;
    if (i > 0) {
      *out++ = ';';
      *out++ = ' ';
    }
    out = std::copy(attribute.name.begin(), attribute.name.end(), out);
    if (!attribute.has_value) continue;
    *out++ = '=';
    out = std::copy(attribute.value.begin(), attribute.value.end(), out);
  }
  return arena.trim(text, size_t(out - text.data()));
}

}  // namespace

void rewrite_cookie(Exchange& exchange, std::string_view& value, const ProxyRewriteRules& domains,
                    const ProxyRewriteRules& paths, const ProxyCookieFlags& flags) {
  std::vector<Attribute> attributes = parse(value);
  if (!attributes.front().has_value) return;
  bool changed = false;
  for (size_t i = 1; i < attributes.size(); ++i) {
    Attribute& attribute = attributes[i];
    if (!attribute.has_value) continue;
    if (http::iequals(attribute.name, "domain"))
      changed |= domains.apply(exchange, attribute.value);
    if (http::iequals(attribute.name, "path")) changed |= paths.apply(exchange, attribute.value);
  }
  Change change = flags.change_for(exchange, attributes.front().name);
  if (change.any()) {
    apply(attributes, change);
    changed = true;
  }
  if (changed) value = join(attributes, exchange.arena);
}

}  // namespace sluice
