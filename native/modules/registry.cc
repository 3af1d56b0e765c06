#include "modules/http_access.h"
#include "modules/http_addition.h"
#include "modules/http_auth_request.h"
#include "modules/http_core.h"
#include "modules/http_headers.h"
#include "modules/http_index.h"
#include "modules/http_log.h"
#include "modules/http_map.h"
#include "modules/http_mirror.h"
#include "modules/http_not_modified.h"
#include "modules/http_proxy.h"
#include "modules/http_range.h"
#include "modules/http_rewrite.h"
#include "modules/http_ssl.h"
#include "modules/http_static.h"
#include "modules/http_status.h"
#include "modules/http_try_files.h"
#include "modules/http_upstream.h"
#include "modules/http_v2.h"
#include "modules/http_v3.h"
#include "modules/http_webtransport.h"
#include "proxy/module.h"

namespace sluice {

namespace {

// The order is that of nginx: of handlers within a phase, and of header filters.
constexpr const Module* modules[] = {
    &http_core,         &http_ssl,       &http_v2,           &http_v3,      &http_log,
    &http_upstream,     &http_try_files, &http_mirror,       &http_status,  &http_index,
    &http_static,       &http_access,    &http_auth_request, &http_map,     &http_rewrite,
    &http_proxy,        &http_addition,  &http_not_modified, &http_headers, &http_range,
    &http_webtransport,
};

}  // namespace

std::span<const Module* const> all_modules() { return modules; }

}  // namespace sluice
