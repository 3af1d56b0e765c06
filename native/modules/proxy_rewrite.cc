#include "modules/proxy_rewrite.h"

#include <algorithm>

#include "proxy/runtime.h"

namespace sluice {

namespace {

std::string_view splice(Arena& arena, std::string_view text, size_t at, size_t length,
                        std::string_view replacement) {
  std::span<char> out = arena.text(text.size() - length + replacement.size());
  char* end = std::copy_n(text.data(), at, out.data());
  end = std::copy(replacement.begin(), replacement.end(), end);
  std::copy(text.begin() + at + length, text.end(), end);
  return {out.data(), out.size()};
}

}  // namespace

void ProxyRewriteRules::read(Runtime& runtime, const plan::Node& rules) {
  for (const plan::Node& node : rules.items()) {
    ProxyRewriteRule& rule = rules_.emplace_back();
    rule.replacement = Template::read(node["replacement"]);
    if (node["regex"]) {
      rule.kind = ProxyRewriteRule::Kind::regex;
      rule.regex = runtime.regex(node["regex"]);
    } else {
      rule.kind = node["domain"].boolean() ? ProxyRewriteRule::Kind::domain
                                           : ProxyRewriteRule::Kind::prefix;
      rule.pattern = Template::read(node["pattern"]);
    }
  }
}

bool ProxyRewriteRules::apply(Exchange& exchange, std::string_view& value, size_t prefix) const {
  for (const ProxyRewriteRule& rule : rules_) {
    std::string_view rest = value.substr(prefix);
    size_t at = prefix;
    size_t length = rest.size();
    switch (rule.kind) {
      case ProxyRewriteRule::Kind::regex:
        if (!rule.regex->match(rest, exchange)) continue;
        break;
      case ProxyRewriteRule::Kind::prefix: {
        std::string_view pattern = rule.pattern.evaluate(exchange);
        if (!rest.starts_with(pattern)) continue;
        length = pattern.size();
        break;
      }
      case ProxyRewriteRule::Kind::domain:
        if (rest.starts_with('.')) {
          rest.remove_prefix(1);
          at++;
          length--;
        }
        if (!http::iequals(rest, rule.pattern.evaluate(exchange))) continue;
        break;
    }
    value = splice(exchange.arena, value, at, length, rule.replacement.evaluate(exchange));
    return true;
  }
  return false;
}

void ProxyCookieFlags::read(Runtime& runtime, const plan::Node& rules) {
  for (const plan::Node& node : rules.items()) {
    Rule& rule = rules_.emplace_back();
    if (node["regex"]) {
      rule.regex = runtime.regex(node["regex"]);
    } else {
      rule.name = Template::read(node["name"]);
    }
    for (const plan::Node& flag : node["flags"].items()) rule.flags.push_back(Template::read(flag));
  }
}

ProxyCookieFlags::Change ProxyCookieFlags::change_for(Exchange& exchange,
                                                      std::string_view cookie_name) const {
  Change change;
  for (const Rule& rule : rules_) {
    bool fits = rule.regex ? rule.regex->match(cookie_name, exchange)
                           : http::iequals(rule.name.evaluate(exchange), cookie_name);
    if (!fits) continue;
    for (const Template& text : rule.flags) {
      std::string_view flag = text.evaluate(exchange);
      auto is = [flag](std::string_view name) { return http::iequals(flag, name); };
      if (is("secure")) change.add_secure = true;
      if (is("nosecure")) change.remove_secure = true;
      if (is("httponly")) change.add_http_only = true;
      if (is("nohttponly")) change.remove_http_only = true;
      if (is("samesite=strict")) change.same_site = Change::Site::strict;
      if (is("samesite=lax")) change.same_site = Change::Site::lax;
      if (is("samesite=none")) change.same_site = Change::Site::none;
      if (is("nosamesite")) change.same_site = Change::Site::remove;
    }
    break;
  }
  return change;
}

}  // namespace sluice
