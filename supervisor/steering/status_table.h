// The status for a person: a few lines about the server, then a table of its workers. Pure.
#pragma once

#include <string>

#include "supervisor/steering/status_report.h"

namespace tricorn {

// `colored`: with ANSI colours, for a terminal.
std::string status_table(const StatusReport& report, bool colored);

}  // namespace tricorn
