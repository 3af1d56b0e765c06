// error_page and the built-in pages: nginx's special responses.

#include <algorithm>

#include "base/encode.h"
#include "modules/http_core.h"
#include "proxy/browser.h"
#include "proxy/exchange.h"
#include "proxy/uri_target.h"

namespace sluice {

using http::HeaderId;

namespace {

struct Page {
  uint16_t status;
  std::string_view title;
  std::string_view detail = {};  ///< of nginx's own 49x statuses, which clients see as 400
};

constexpr Page pages[] = {
    {301, "301 Moved Permanently"},
    {302, "302 Found"},
    {303, "303 See Other"},
    {307, "307 Temporary Redirect"},
    {308, "308 Permanent Redirect"},
    {400, "400 Bad Request"},
    {401, "401 Authorization Required"},
    {402, "402 Payment Required"},
    {403, "403 Forbidden"},
    {404, "404 Not Found"},
    {405, "405 Not Allowed"},
    {406, "406 Not Acceptable"},
    {407, "407 Proxy Authentication Required"},
    {408, "408 Request Time-out"},
    {409, "409 Conflict"},
    {410, "410 Gone"},
    {411, "411 Length Required"},
    {412, "412 Precondition Failed"},
    {413, "413 Request Entity Too Large"},
    {414, "414 Request-URI Too Large"},
    {415, "415 Unsupported Media Type"},
    {416, "416 Requested Range Not Satisfiable"},
    {421, "421 Misdirected Request"},
    {429, "429 Too Many Requests"},
    {494, "400 Bad Request", "Request Header Or Cookie Too Large"},
    {495, "400 Bad Request", "The SSL certificate error"},
    {496, "400 Bad Request", "No required SSL certificate was sent"},
    {497, "400 Bad Request", "The plain HTTP request was sent to HTTPS port"},
    {498, "404 Not Found"},
    {500, "500 Internal Server Error"},
    {501, "501 Not Implemented"},
    {502, "502 Bad Gateway"},
    {503, "503 Service Temporarily Unavailable"},
    {504, "504 Gateway Time-out"},
    {505, "505 HTTP Version Not Supported"},
    {507, "507 Insufficient Storage"},
};

constexpr std::string_view padding =
    "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n";
constexpr int padding_lines = 6;

const Page* find_page(uint16_t status) {
  const Page* page = std::ranges::lower_bound(pages, status, {}, &Page::status);
  return page != std::end(pages) && page->status == status ? page : nullptr;
}

// nginx asks for a body of no more use, and of a connection that may be out of step, not to be
// trusted further.
bool closes_connection(uint16_t status) {
  switch (status) {
    case 400:
    case 413:
    case 414:
    case 495:
    case 496:
    case 497:
    case 500:
    case 501:
      return true;
    default:
      return false;
  }
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

Verdict Exchange::error_response(uint16_t status) {
  error_status = status;
  if (closes_connection(status)) keep_alive = false;
  response.content_type = {};
  response.charset = {};
  const CoreConf& core = conf<CoreConf>();
  if (!in_error_page && uri_changes != 0 && !core.error_pages.empty()) {
    if (!core.recursive_error_pages) in_error_page = true;
    for (const ErrorPage& page : core.error_pages) {
      if (page.status == status) return send_error_page(page);
    }
  }
  expect_tested = true;
  if (!body.discard()) keep_alive = false;
  if (core.msie_refresh && (status == 301 || status == 302) && is_msie(*this)) {
    return send_refresh();
  }
  return send_special_page(status);
}

Verdict Exchange::send_error_page(const ErrorPage& page) {
  if (page.overwrite > 0 && page.overwrite != 200) expect_tested = true;
  if (page.overwrite == ErrorPage::page_decides) error_status = 0;
  if (page.overwrite > 0) error_status = page.overwrite;
  std::string_view target = page.target.evaluate(*this);
  if (target.starts_with('/')) {
    if (request.method != http::Method::head) {
      request.method = http::Method::get;
      request.method_name = "GET";
    }
    UriTarget split = split_target(target);
    return redirect(split.uri, split.args);
  }
  if (target.starts_with('@')) return redirect_named(target);
  expect_tested = true;
  if (!body.discard()) keep_alive = false;
  if (!is_redirect(page.overwrite)) error_status = 302;
  response.headers.set(HeaderId::location, "Location", target);
  if (conf<CoreConf>().msie_refresh && is_msie(*this)) return send_refresh();
  return send_special_page(error_status);
}

Verdict Exchange::send_special_page(uint16_t status) {
  const CoreConf& core = conf<CoreConf>();
  if (status >= 494 && status <= 497) error_status = 400;
  response.headers.remove(HeaderId::accept_ranges);
  response.headers.remove(HeaderId::etag);
  response.last_modified.reset();
  const Page* page = find_page(status);
  if (!page) {
    response.content_length = 0;
    Verdict verdict = send_head();
    return !verdict.is_ok() || header_only ? verdict : send_body({.last = true});
  }
  bool padded = core.msie_padding && status >= 400 && request.version >= http::Version::http10 &&
                (is_msie(*this) || is_chrome(*this));
  std::string_view head_title = page->detail.empty() ? page->title : std::string_view(page->detail);
  std::string_view prefix = page->detail.empty() ? "" : "400 ";
  std::string_view server = page_signature();

  auto parts = {std::string_view("<html>\r\n<head><title>"),
                prefix,
                head_title,
                std::string_view("</title></head>\r\n<body>\r\n<center><h1>"),
                page->title,
                std::string_view("</h1></center>\r\n"),
                page->detail.empty() ? std::string_view() : std::string_view("<center>"),
                page->detail,
                page->detail.empty() ? std::string_view() : std::string_view("</center>\r\n"),
                std::string_view("<hr><center>"),
                server,
                std::string_view("</center>\r\n</body>\r\n</html>\r\n")};
  size_t size = padded ? padding_lines * padding.size() : 0;
  for (std::string_view part : parts) size += part.size();
  std::span<char> text = arena.text(size);
  char* end = text.data();
  for (std::string_view part : parts) end = std::copy(part.begin(), part.end(), end);
  for (int i = 0; padded && i < padding_lines; ++i) {
    end = std::copy(padding.begin(), padding.end(), end);
  }
  return send_text(error_status, "text/html", {text.data(), size});
}

// msie_refresh: old browsers are redirected by a page instead of a status.
Verdict Exchange::send_refresh() {
  const http::Header* location_field = response.headers.find(HeaderId::location);
  std::string_view to = location_field ? escape(Escape::refresh, location_field->value, arena) : "";
  response.headers.remove(HeaderId::location);
  error_status = 200;
  constexpr std::string_view before = "<html><head><meta http-equiv=\"Refresh\" content=\"0; URL=";
  constexpr std::string_view after = "\"></head><body></body></html>\r\n";
  std::span<char> text = arena.text(before.size() + to.size() + after.size());
  char* end = std::copy(before.begin(), before.end(), text.data());
  end = std::copy(to.begin(), to.end(), end);
  std::copy(after.begin(), after.end(), end);
  return send_text(200, "text/html", {text.data(), text.size()});
}

}  // namespace sluice
