#include "modules/http_status.h"

#include <string>

#include "base/clock.h"
#include "modules/variable_text.h"
#include "proxy/data_thread.h"
#include "proxy/exchange.h"

namespace sluice {

namespace {

using Page = StatusConf::Page;

std::unique_ptr<ModuleConf> read_conf(Runtime&, const plan::Node& node) {
  auto conf = std::make_unique<StatusConf>();
  std::string_view page = node["page"].text();
  if (page == "stub") conf->page = Page::stub;
  if (page == "json") conf->page = Page::json;
  if (page == "prometheus") conf->page = Page::prometheus;
  if (page == "asAsked") conf->page = Page::as_asked;
  return conf;
}

/// The argument `format` decides, else who accepts plain text is a scraper of Prometheus.
Page page_asked_for(Exchange& exchange) {
  std::string_view query = exchange.request.query;
  if (query == "format=json") return Page::json;
  if (query == "format=prometheus") return Page::prometheus;
  const http::Header* accept = exchange.request.headers.find(http::HeaderId::accept);
  bool scrapes = accept && (accept->value.find("text/plain") != std::string_view::npos ||
                            accept->value.find("openmetrics") != std::string_view::npos);
  return scrapes ? Page::prometheus : Page::json;
}

void append(std::string& text, uint64_t number) { text += std::to_string(number); }

// Byte for byte as nginx has it: there are programs that read it.
std::string stub(const Counters& counters) {
  std::string text = "Active connections: ";
  append(text, counters.active);
  text += " \nserver accepts handled requests\n ";
  append(text, counters.accepted);
  text += ' ';
  append(text, counters.handled);
  text += ' ';
  append(text, counters.requests);
  text += " \nReading: ";
  append(text, counters.reading);
  text += " Writing: ";
  append(text, counters.writing);
  text += " Waiting: ";
  append(text, counters.waiting);
  text += " \n";
  return text;
}

std::string json(const Counters& counters) {
  std::string text = "{\"time\":";
  append(text, uint64_t(Clock::of_thread().seconds()));
  std::string_view section;
  for (const Counters::Description& each : Counters::descriptions) {
    bool begins = each.section != section;
    if (begins) {
      if (!section.empty()) text += '}';
      text.append(",\"").append(section = each.section).append("\":{");
    } else {
      text += ',';
    }
    text.append("\"").append(each.name).append("\":");
    append(text, counters.*each.member);
  }
  text += "}}\n";
  return text;
}

// https://prometheus.io/docs/instrumenting/exposition_formats/
std::string prometheus(const Counters& counters) {
  std::string text;
  for (const Counters::Description& each : Counters::descriptions) {
    std::string name = "sluice_";
    name.append(each.section).append("_").append(each.name);
    if (!each.is_gauge) name += "_total";
    text.append("# HELP ").append(name).append(" ").append(each.meaning);
    text.append("\n# TYPE ").append(name).append(each.is_gauge ? " gauge\n" : " counter\n");
    text.append(name).append(" ");
    append(text, counters.*each.member);
    text += '\n';
  }
  return text;
}

Verdict show(Exchange& exchange) {
  Page page = exchange.conf<StatusConf>().page;
  if (page == Page::none) return Verdict::declined();
  http::Method method = exchange.request.method;
  if (method != http::Method::get && method != http::Method::head) return Verdict::status(405);
  if (page == Page::as_asked) page = page_asked_for(exchange);
  const Counters counters = exchange.runtime.thread.sum_counters();
  switch (page) {
    case Page::json:
      return exchange.send_text(200, "application/json", exchange.arena.copy(json(counters)));
    case Page::prometheus:
      return exchange.send_text(200, "text/plain; version=0.0.4",
                                exchange.arena.copy(prometheus(counters)));
    default:
      return exchange.send_text(200, "text/plain", exchange.arena.copy(stub(counters)));
  }
}

template <Counters::Value Counters::*member>
Value counter(Exchange& exchange, std::uintptr_t) {
  return decimal_value(exchange, exchange.runtime.thread.sum_counters().*member);
}

constexpr VariableDefinition variables[] = {
    {.name = "connections_active", .get = counter<&Counters::active>, .cacheable = false},
    {.name = "connections_reading", .get = counter<&Counters::reading>, .cacheable = false},
    {.name = "connections_writing", .get = counter<&Counters::writing>, .cacheable = false},
    {.name = "connections_waiting", .get = counter<&Counters::waiting>, .cacheable = false},
};

constexpr PhaseHandler phases[] = {{Phase::content, show}};

}  // namespace

const Module http_status = {
    .id = ModuleId::http_status,
    .name = "http_status",
    .read_conf = read_conf,
    .variables = variables,
    .phases = phases,
};

}  // namespace sluice
