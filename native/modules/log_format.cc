#include "modules/log_format.h"

#include <algorithm>

#include "base/clock.h"
#include "base/number.h"
#include "proxy/exchange.h"

namespace sluice {

namespace {

constexpr std::string_view hex_digits = "0123456789ABCDEF";

/// Appends `text` with some of its characters written otherwise; runs of plain ones are copied as a
/// whole.
template <class IsPlain, class Write>
void append_escaped(std::string& line, std::string_view text, IsPlain is_plain, Write write) {
  while (!text.empty()) {
    auto special = std::find_if_not(text.begin(), text.end(), is_plain);
    size_t plain = size_t(special - text.begin());
    line.append(text.substr(0, plain));
    if (plain == text.size()) return;
    write(static_cast<unsigned char>(*special));
    text.remove_prefix(plain + 1);
  }
}

void append_standard(std::string& line, std::string_view text) {
  auto is_plain = [](unsigned char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; };
  append_escaped(line, text, is_plain, [&](unsigned char c) {
    char escaped[] = {'\\', 'x', hex_digits[c >> 4], hex_digits[c & 0xf]};
    line.append(escaped, sizeof escaped);
  });
}

// RFC 8259, 7.
void append_json(std::string& line, std::string_view text) {
  auto is_plain = [](unsigned char c) { return c >= 0x20 && c != '"' && c != '\\'; };
  append_escaped(line, text, is_plain, [&](unsigned char c) {
    constexpr std::string_view special = "\n\r\t\b\f\"\\";
    constexpr std::string_view letters = "nrtbf\"\\";
    size_t at = special.find(char(c));
    if (at != special.npos) {
      char escaped[] = {'\\', letters[at]};
      line.append(escaped, sizeof escaped);
    } else {
      char escaped[] = {'\\', 'u', '0', '0', hex_digits[c >> 4], hex_digits[c & 0xf]};
      line.append(escaped, sizeof escaped);
    }
  });
}

/// Seconds with three decimals.
void append_milliseconds(std::string& line, uint64_t milliseconds) {
  char text[max_decimal_size + 4];
  char* end = format_decimal(text, milliseconds / 1000);
  *end++ = '.';
  line.append(text, format_padded(end, milliseconds % 1000, 3));
}

uint64_t wall_ms() {
  const Clock& clock = Clock::of_thread();
  return uint64_t(clock.seconds()) * 1000 + clock.milliseconds();
}

void append_status(std::string& line, const Exchange& exchange) {
  uint16_t status = exchange.error_status ? exchange.error_status : exchange.response.status;
  if (status == 0 && exchange.request.version == http::Version::http09) status = 9;
  char text[max_decimal_size];
  line.append(text, format_padded(text, status, 3));
}

}  // namespace

LogFormat LogFormat::read(const Runtime& runtime, const plan::Node& node) {
  LogFormat format;
  std::string_view escaping = node["escape"].text();
  format.escaping_ = escaping == "json"   ? Escaping::json
                     : escaping == "none" ? Escaping::none
                                          : Escaping::standard;
  constexpr std::pair<std::string_view, Kind> direct[] = {{"time_local", Kind::time_local},
                                                          {"time_iso8601", Kind::time_iso8601},
                                                          {"msec", Kind::msec},
                                                          {"request_time", Kind::request_time},
                                                          {"status", Kind::status}};
  for (const plan::Node& part : node["parts"].items()) {
    if (part.is_text()) {
      format.parts_.push_back({Kind::literal, 0, part.text()});
      continue;
    }
    VariableSlot slot = VariableSlot(part.integer());
    Kind kind = Kind::variable;
    for (const auto& [name, direct_kind] : direct) {
      if (runtime.variables[slot].name == name) kind = direct_kind;
    }
    format.parts_.push_back({kind, slot});
  }
  return format;
}

void LogFormat::append(Exchange& exchange, std::string& line) const {
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Kind::literal:
        line.append(part.literal);
        break;
      case Kind::variable:
        append_variable(exchange, part.slot, line);
        break;
      case Kind::time_local:
        line.append(Clock::of_thread().access_log_time());
        break;
      case Kind::time_iso8601:
        line.append(Clock::of_thread().iso8601_time());
        break;
      case Kind::msec:
        append_milliseconds(line, wall_ms());
        break;
      case Kind::request_time: {
        uint64_t now = wall_ms();
        uint64_t started = uint64_t(exchange.started_wall_ms);
        append_milliseconds(line, now > started ? now - started : 0);
        break;
      }
      case Kind::status:
        append_status(line, exchange);
        break;
    }
  }
}

void LogFormat::append_variable(Exchange& exchange, VariableSlot slot, std::string& line) const {
  const Value& value = exchange.fresh_variable(slot);
  switch (escaping_) {
    case Escaping::standard:
      if (value.found) {
        append_standard(line, value.text);
      } else {
        line.push_back('-');
      }
      break;
    case Escaping::json:
      append_json(line, value.text);
      break;
    case Escaping::none:
      line.append(value.text);
      break;
  }
}

}  // namespace sluice
