// What ctl shows a person of the server's answers. Pure.
#pragma once

#include <string>

#include "supervisor/ctl/command.h"
#include "supervisor/steering/json.h"

namespace tricorn {

// Of an answer with "ok":true; ends with a line's end.
std::string text_of(const SteeringRequest& request, const Json& answer, bool colored);
// Of one with "ok":false: the message, and the traceback below it.
std::string failure_text(const Json& answer);

}  // namespace tricorn
