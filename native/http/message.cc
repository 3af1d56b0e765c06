#include "http/message.h"

#include <algorithm>
#include <cstring>

#include "base/clock.h"

namespace sluice::http {

Method parse_method(std::string_view name) {
  switch (name.size()) {
    case 3:
      if (name == "GET") return Method::get;
      if (name == "PUT") return Method::put;
      break;
    case 4:
      if (name == "POST") return Method::post;
      if (name == "HEAD") return Method::head;
      if (name == "COPY") return Method::copy;
      if (name == "MOVE") return Method::move;
      if (name == "LOCK") return Method::lock;
      break;
    case 5:
      if (name == "PATCH") return Method::patch;
      if (name == "MKCOL") return Method::mkcol;
      if (name == "TRACE") return Method::trace;
      break;
    case 6:
      if (name == "DELETE") return Method::del;
      if (name == "UNLOCK") return Method::unlock;
      break;
    case 7:
      if (name == "OPTIONS") return Method::options;
      if (name == "CONNECT") return Method::connect;
      break;
    case 8:
      if (name == "PROPFIND") return Method::propfind;
      break;
    case 9:
      if (name == "PROPPATCH") return Method::proppatch;
      break;
  }
  return Method::unknown;
}

std::string_view version_name(Version version) {
  switch (version) {
    case Version::http09:
      return "HTTP/0.9";
    case Version::http10:
      return "HTTP/1.0";
    case Version::http11:
      return "HTTP/1.1";
    case Version::http2:
      return "HTTP/2.0";
    case Version::http3:
      return "HTTP/3.0";
  }
  return {};
}

bool iequals(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

void HeaderList::grow() {
  capacity_ = capacity_ == 0 ? 16 : capacity_ * 2;
  auto* items = static_cast<Header*>(arena_->allocate(capacity_ * sizeof(Header), alignof(Header)));
  std::copy(begin(), end(), items);
  items_ = items;
}

const Header* HeaderList::search(HeaderId id) const {
  const Header* found = std::find_if(begin(), end(), [id](const Header& h) { return h.id == id; });
  return found == end() ? nullptr : found;
}

const Header* HeaderList::find(std::string_view name) const {
  const Header* found =
      std::find_if(begin(), end(), [name](const Header& h) { return iequals(h.name, name); });
  return found == end() ? nullptr : found;
}

void HeaderList::set(HeaderId id, std::string_view name, std::string_view value) {
  auto same = [id, name](const Header& h) {
    return h.id == id && (id != HeaderId::other || iequals(h.name, name));
  };
  Header* first = std::find_if(begin(), end(), same);
  if (first == end()) {
    add(name, value, id);
    return;
  }
  *first = {name, value, id};
  size_ = static_cast<uint32_t>(std::remove_if(first + 1, end(), same) - items_);
}

void HeaderList::remove(HeaderId id) {
  if (!ids_.contains(id)) return;
  Header* last = std::remove_if(begin(), end(), [id](const Header& h) { return h.id == id; });
  size_ = static_cast<uint32_t>(last - items_);
  ids_.remove(id);
  repeated_.remove(id);
}

void HeaderList::remove(std::string_view name) {
  Header* last =
      std::remove_if(begin(), end(), [name](const Header& h) { return iequals(h.name, name); });
  size_ = static_cast<uint32_t>(last - items_);
}

void ResponseHead::moved(const char* from, const char* to) {
  auto move = [=](std::string_view& text) { text = {to + (text.data() - from), text.size()}; };
  if (!reason.empty()) move(reason);
  for (Header& field : headers) {
    move(field.name);
    move(field.value);
  }
}

std::optional<int64_t> ResponseHead::modified() const {
  if (last_modified) return last_modified;
  const Header* field = headers.find(HeaderId::last_modified);
  return field ? parse_http_date(field->value) : std::nullopt;
}

}  // namespace sluice::http
