#include "proxy/locations.h"

#include <algorithm>
#include <utility>

#include "base/string_map.h"
#include "http/message.h"
#include "proxy/exchange.h"
#include "proxy/runtime.h"

namespace sluice {

namespace {

/// Static locations of one name: `= /x`, `/x`, or both.
struct Entry {
  std::string_view name;
  const Location* exact = nullptr;
  const Location* prefix = nullptr;
  /// The longest other prefix location whose name this one begins with.
  const Entry* shorter = nullptr;
};

size_t common_prefix(std::string_view a, std::string_view b) {
  return size_t(std::ranges::mismatch(a, b).in1 - a.begin());
}

uint32_t method_bits(const plan::Node& names) {
  uint32_t bits = 0;
  for (const plan::Node& name : names.items()) {
    http::Method method = http::parse_method(name.text());
    bits |= 1u << unsigned(method);
    // Who may GET may ask for the head alone.
    if (method == http::Method::get) bits |= 1u << unsigned(http::Method::head);
  }
  return bits;
}

std::unique_ptr<Location> read_location(Runtime& runtime, const plan::Node& node) {
  auto location = std::make_unique<Location>();
  location->name = node["name"].text();
  location->block = runtime.block(node["block"]);
  location->no_regex = node["noRegex"].boolean();
  location->auto_redirect = node["autoRedirect"].boolean();
  location->exact = node["exactMatch"].boolean();
  location->nested = LocationTree::read(runtime, node["nested"]);
  location->rewrite = RewriteProgram::read(runtime, node["rewrite"]);
  if (const plan::Node& handler = node["handler"]) {
    location->handler = runtime.handler(handler.text());
  }
  if (const plan::Node& limit = node["limitExcept"]) {
    location->limited_block = runtime.block(limit["block"]);
    location->allowed_methods = method_bits(limit["methods"]);
    if (const plan::Node& handler = limit["handler"]) {
      location->limited_handler = runtime.handler(handler.text());
    }
  }
  return location;
}

}  // namespace

/// Static locations in one sorted array: the last name that is not behind the URI shares its whole
/// match with it, so the longest prefix is that name or one that it begins with.
struct LocationTree::Index {
  std::vector<Entry> entries;
  StringMap<const Location> redirects;  // name without its final slash
  std::vector<std::pair<const Regex*, const Location*>> expressions;
  StringMap<const Location> named;

  void build();
  Match find_static(std::string_view uri) const;
};

LocationTree::LocationTree() = default;
LocationTree::~LocationTree() = default;
LocationTree::LocationTree(LocationTree&&) noexcept = default;
LocationTree& LocationTree::operator=(LocationTree&&) noexcept = default;

LocationTree LocationTree::read(Runtime& runtime, const plan::Node& node) {
  LocationTree tree;
  if (!node) return tree;
  tree.index_ = std::make_unique<Index>();
  Index& index = *tree.index_;
  auto each = [&](std::string_view kind, auto&& add) {
    for (const plan::Node& item : node[kind].items()) {
      tree.all_.push_back(read_location(runtime, item.at(1)));
      add(item.at(0), *tree.all_.back());
    }
  };
  each("exact", [&](const plan::Node& name, Location& location) {
    index.entries.push_back({.name = name.text(), .exact = &location});
  });
  each("prefix", [&](const plan::Node& name, Location& location) {
    index.entries.push_back({.name = name.text(), .prefix = &location});
  });
  each("regex", [&](const plan::Node& position, Location& location) {
    location.is_regex = true;
    if (const Regex* regex = runtime.regex(position)) {
      index.expressions.emplace_back(regex, &location);
    }
  });
  each("named", [&](const plan::Node& name, Location& location) {
    location.is_named = true;
    index.named.insert(name.text(), &location);
  });
  index.build();
  return tree;
}

void LocationTree::Index::build() {
  std::ranges::stable_sort(entries, {}, &Entry::name);
  // `= /x` and `/x` become one entry.
  size_t kept = 0;
  for (Entry& entry : entries) {
    if (kept > 0 && entries[kept - 1].name == entry.name) {
      if (entry.exact) entries[kept - 1].exact = entry.exact;
      if (entry.prefix) entries[kept - 1].prefix = entry.prefix;
    } else {
      entries[kept++] = entry;
    }
  }
  entries.resize(kept);

  const Entry* shorter = nullptr;
  for (Entry& entry : entries) {
    while (shorter && !entry.name.starts_with(shorter->name)) shorter = shorter->shorter;
    entry.shorter = shorter;
    if (entry.prefix) shorter = &entry;
    bool redirects_here = (entry.exact && entry.exact->auto_redirect) ||
                          (entry.prefix && entry.prefix->auto_redirect);
    if (redirects_here && entry.name.size() > 1) {
      redirects.insert(entry.name.substr(0, entry.name.size() - 1),
                       entry.exact ? entry.exact : entry.prefix);
    }
  }
}

LocationTree::Match LocationTree::Index::find_static(std::string_view uri) const {
  auto behind = std::ranges::upper_bound(entries, uri, {}, &Entry::name);
  const Entry* entry = behind == entries.begin() ? nullptr : &behind[-1];
  if (entry && entry->name == uri) {
    if (entry->exact) return {.location = entry->exact, .decided = true};
    return {.location = entry->prefix};
  }
  if (const Location* slashed = redirects.find(uri)) {
    return {.location = slashed, .redirect = true, .decided = true};
  }
  if (!entry) return {};
  size_t common = common_prefix(entry->name, uri);
  while (entry && (!entry->prefix || entry->name.size() > common)) entry = entry->shorter;
  return {.location = entry ? entry->prefix : nullptr};
}

LocationTree::Match LocationTree::find(std::string_view uri, Exchange& exchange) const {
  if (!index_) return {};
  Match match = index_->find_static(uri);
  if (match.decided) return match;
  bool try_expressions = true;
  if (match.location) {
    try_expressions = !match.location->no_regex;
    if (const LocationTree& nested = match.location->nested; nested.index_) {
      Match inner = nested.find(uri, exchange);
      if (inner.decided || inner.failed) return inner;
      if (inner.location) match.location = inner.location;
    }
  }
  if (!try_expressions) return match;
  for (const auto& [regex, location] : index_->expressions) {
    switch (regex->apply(uri, exchange)) {
      case Regex::Outcome::no:
        continue;
      case Regex::Outcome::failed:
        return {.failed = true};
      case Regex::Outcome::yes:
        break;
    }
    Match inner = location->nested.find(uri, exchange);
    return {.location = inner.location ? inner.location : location,
            .failed = inner.failed,
            .decided = true};
  }
  return match;
}

const Location* LocationTree::named(std::string_view name) const {
  return index_ ? index_->named.find(name) : nullptr;
}

}  // namespace sluice
