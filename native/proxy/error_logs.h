#pragma once

#include <memory>

#include "base/log.h"
#include "proxy/plan.h"

namespace sluice {

class DataThread;

/// The sinks of one `error_log` context, from the Plan.
std::unique_ptr<ErrorLog> read_error_log(DataThread& thread, const plan::Node& sinks);
/// A `syslog:` target (Plan: SyslogPlan); null when its address is no good.
std::shared_ptr<Syslog> open_syslog(const plan::Node& node);

}  // namespace sluice
