#include "http/h1/status_line.h"

#include "http/h1/octets.h"

namespace sluice::h1 {
namespace {

constexpr std::string_view prefix = "HTTP/";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// One to three digits at the front of `text`, taken off; -1 if there are none or more.
int take_number(std::string_view& text) {
  int number = 0;
  size_t digits = 0;
  while (digits < text.size() && digits < 4 && is_digit(text[digits])) {
    number = number * 10 + (text[digits++] - '0');
  }
  text.remove_prefix(digits);
  return digits == 0 || digits > 3 ? -1 : number;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// The version: `1.1`, or any other that nginx takes.
bool take_version(std::string_view& text, http::Version& version) {
  if (text.starts_with('0')) return false;
  int major = take_number(text);
  if (major < 0 || !take(text, '.')) return false;
  int minor = take_number(text);
  if (minor < 0) return false;
  version = major > 1 || minor > 0 ? http::Version::http11 : http::Version::http10;
  return true;
}

bool take_status(std::string_view& text, uint16_t& status) {
  while (take(text, ' ')) {
  }
  for (int digits = 0; digits < 3; ++digits) {
    if (text.empty() || !is_digit(text[0])) return false;
    status = static_cast<uint16_t>(status * 10 + (text[0] - '0'));
    text.remove_prefix(1);
  }
  return status >= 100;
}

/// Version and status, whatever of them nginx takes.
bool take_numbers(std::string_view& text, StatusLine& line) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  if (!take_version(text, line.version) || !take(text, ' ') || !take_status(text, line.status)) {
    return false;
  }
  if (take(text, '.')) {  // 403.1: the rest of the number goes
    text.remove_prefix(std::min(text.find_first_of(" \r\n"), text.size()));
  }
  return true;
}

/// The same where they are as RFC 9112 has them, and the version is 1.1.
bool take_usual_numbers(std::string_view& text, StatusLine& line) {
  constexpr std::string_view usual = "HTTP/1.1 ";
  constexpr size_t size = usual.size() + 3;
  if (text.size() <= size || !text.starts_with(usual)) return false;
  const char* digits = text.data() + usual.size();
  bool plain = digits[0] >= '1' && digits[0] <= '9' && is_digit(digits[1]) && is_digit(digits[2]);
  if (!plain || text[size] == '.') return false;
  line.version = http::Version::http11;
  line.status = static_cast<uint16_t>(digits[0] * 100 + digits[1] * 10 + digits[2] - '0' * 111);
  text.remove_prefix(size);
  return true;
}

}  // namespace

bool parse_status_line(std::string_view bytes, StatusLine& line) {
  std::string_view text = bytes;
  if (!take_usual_numbers(text, line) && !take_numbers(text, line)) return false;
  if (take(text, ' ')) {
    const char* end = text.data() + text.size();
    const char* reason_end = octets::find<octets::ValueStop>(text.data(), end, bytes.data());
    line.reason = {text.data(), reason_end};
    text = {reason_end, end};
  }
  take(text, '\r');
  if (!take(text, '\n')) return false;
  line.size = bytes.size() - text.size();
  return true;
}

bool may_begin_status_line(std::string_view bytes) {
  size_t size = std::min(bytes.size(), prefix.size());
  return bytes.substr(0, size) == prefix.substr(0, size);
}

}  // namespace sluice::h1
