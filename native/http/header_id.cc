#include "http/lower_name.h"
#include "http/message.h"

namespace sluice::http {
HeaderId header_id(std::string_view name) {
  using enum HeaderId;
  const char* text = name.data();
  switch (name.size()) {
    case 2:
      if (matches<"te">(text)) return te;
      break;
    case 3:
      if (matches<"age">(text)) return age;
      if (matches<"via">(text)) return via;
      break;
    case 4:
      if (matches<"host">(text)) return host;
      if (matches<"date">(text)) return date;
      if (matches<"etag">(text)) return etag;
      if (matches<"vary">(text)) return vary;
      if (matches<"link">(text)) return link;
      break;
    case 5:
      if (matches<"range">(text)) return range;
      if (matches<"allow">(text)) return allow;
      break;
    case 6:
      if (matches<"accept">(text)) return accept;
      if (matches<"cookie">(text)) return cookie;
      if (matches<"server">(text)) return server;
      if (matches<"origin">(text)) return origin;
      if (matches<"expect">(text)) return expect;
      if (matches<"status">(text)) return status;
      break;
    case 7:
      if (matches<"referer">(text)) return referer;
      if (matches<"upgrade">(text)) return upgrade;
      if (matches<"expires">(text)) return expires;
      if (matches<"trailer">(text)) return trailer;
      if (matches<"refresh">(text)) return refresh;
      break;
    case 8:
      if (matches<"location">(text)) return location;
      if (matches<"priority">(text)) return priority;
      if (matches<"if-range">(text)) return if_range;
      if (matches<"if-match">(text)) return if_match;
      break;
    case 9:
      if (matches<"forwarded">(text)) return forwarded;
      break;
    case 10:
      if (matches<"user-agent">(text)) return user_agent;
      if (matches<"connection">(text)) return connection;
      if (matches<"set-cookie">(text)) return set_cookie;
      if (matches<"keep-alive">(text)) return keep_alive;
      break;
    case 12:
      if (matches<"content-type">(text)) return content_type;
      break;
    case 13:
      if (matches<"cache-control">(text)) return cache_control;
      if (matches<"last-modified">(text)) return last_modified;
      if (matches<"accept-ranges">(text)) return accept_ranges;
      if (matches<"authorization">(text)) return authorization;
      if (matches<"if-none-match">(text)) return if_none_match;
      if (matches<"content-range">(text)) return content_range;
      break;
    case 14:
      if (matches<"content-length">(text)) return content_length;
      break;
    case 15:
      if (matches<"accept-encoding">(text)) return accept_encoding;
      if (matches<"accept-language">(text)) return accept_language;
      if (matches<"x-forwarded-for">(text)) return x_forwarded_for;
      if (matches<"x-accel-expires">(text)) return x_accel_expires;
      if (matches<"x-accel-charset">(text)) return x_accel_charset;
      break;
    case 16:
      if (matches<"content-encoding">(text)) return content_encoding;
      if (matches<"proxy-connection">(text)) return proxy_connection;
      if (matches<"www-authenticate">(text)) return www_authenticate;
      if (matches<"x-accel-redirect">(text)) return x_accel_redirect;
      break;
    case 17:
      if (matches<"transfer-encoding">(text)) return transfer_encoding;
      if (matches<"if-modified-since">(text)) return if_modified_since;
      if (matches<"x-accel-buffering">(text)) return x_accel_buffering;
      break;
    case 18:
      if (matches<"proxy-authenticate">(text)) return proxy_authenticate;
      if (matches<"x-accel-limit-rate">(text)) return x_accel_limit_rate;
      break;
    case 19:
      if (matches<"if-unmodified-since">(text)) return if_unmodified_since;
      if (matches<"content-disposition">(text)) return content_disposition;
      if (matches<"proxy-authorization">(text)) return proxy_authorization;
      break;
  }
  return other;
}

}  // namespace sluice::http
