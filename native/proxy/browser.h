#pragma once

namespace sluice {

class Exchange;

/// What User-Agent says, as nginx reads it: for the few directives that make exceptions for
/// browsers (msie_padding, msie_refresh, keepalive_disable).
bool is_msie(const Exchange& exchange);
/// Internet Explorer 4 to 6, without the service pack that mended it.
bool is_msie6(const Exchange& exchange);
bool is_chrome(const Exchange& exchange);
bool is_safari(const Exchange& exchange);

}  // namespace sluice
