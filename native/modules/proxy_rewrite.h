#pragma once

#include <string_view>
#include <vector>

#include "proxy/exchange.h"
#include "proxy/plan.h"
#include "proxy/regex.h"
#include "proxy/template.h"

namespace sluice {

/// One `proxy_redirect`, `proxy_cookie_domain` or `proxy_cookie_path`: what is replaced in a value,
/// and by what.
struct ProxyRewriteRule {
  enum class Kind : uint8_t { prefix, domain, regex } kind = Kind::prefix;
  Template pattern;
  const Regex* regex = nullptr;
  Template replacement;
};

/// The first rule that fits wins.
class ProxyRewriteRules {
 public:
  void read(Runtime& runtime, const plan::Node& rules);
  bool empty() const { return rules_.empty(); }

  /// Looks at what is behind the first `prefix` bytes of `value`. True: it was replaced, `value` is
  /// now in the arena.
  bool apply(Exchange& exchange, std::string_view& value, size_t prefix = 0) const;

 private:
  std::vector<ProxyRewriteRule> rules_;
};

/// `proxy_cookie_flags`: by the name of a cookie, attributes that are added or taken away.
class ProxyCookieFlags {
 public:
  void read(Runtime& runtime, const plan::Node& rules);
  bool empty() const { return rules_.empty(); }

  struct Change {
    enum class Site : uint8_t { keep, strict, lax, none, remove } same_site = Site::keep;
    bool add_secure = false, remove_secure = false;
    bool add_http_only = false, remove_http_only = false;
    bool any() const {
      return same_site != Site::keep || add_secure || remove_secure || add_http_only ||
             remove_http_only;
    }
  };
  Change change_for(Exchange& exchange, std::string_view cookie_name) const;

 private:
  struct Rule {
    Template name;
    const Regex* regex = nullptr;
    std::vector<Template> flags;
  };
  std::vector<Rule> rules_;
};

/// Applies all of them to a Set-Cookie value; what they leave alone stays as it is, to the byte.
void rewrite_cookie(Exchange& exchange, std::string_view& value, const ProxyRewriteRules& domains,
                    const ProxyRewriteRules& paths, const ProxyCookieFlags& flags);

}  // namespace sluice
