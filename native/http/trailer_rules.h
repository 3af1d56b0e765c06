#pragma once

#include "http/message.h"

namespace sluice::http {

/// Fields that are of no use, or dangerous, behind a message's body: those that frame, route or
/// control it, those that authenticate, and those that describe the content (RFC 9110 section
/// 6.5.1).
constexpr HeaderIds never_trailers = {
    HeaderId::age,
    HeaderId::authorization,
    HeaderId::cache_control,
    HeaderId::connection,
    HeaderId::content_encoding,
    HeaderId::content_length,
    HeaderId::content_range,
    HeaderId::content_type,
    HeaderId::cookie,
    HeaderId::expect,
    HeaderId::expires,
    HeaderId::forwarded,
    HeaderId::host,
    HeaderId::if_match,
    HeaderId::if_modified_since,
    HeaderId::if_none_match,
    HeaderId::if_range,
    HeaderId::if_unmodified_since,
    HeaderId::keep_alive,
    HeaderId::location,
    HeaderId::proxy_authenticate,
    HeaderId::proxy_authorization,
    HeaderId::proxy_connection,
    HeaderId::range,
    HeaderId::te,
    HeaderId::trailer,
    HeaderId::transfer_encoding,
    HeaderId::upgrade,
    HeaderId::vary,
    HeaderId::www_authenticate,
    HeaderId::x_forwarded_for,
};

}  // namespace sluice::http
