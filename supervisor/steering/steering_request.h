// SteeringRequest: what an operator asks of a running server, one JSON object in one line. Pure.
//
//   {"command":"status"}                        {"command":"reload","wait":true}
//   {"command":"scale","workers":4,"wait":true} {"command":"reopen-logs"}
//   {"command":"stop","fast":true,"wait":true}  {"command":"dump-stacks"}
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"

namespace tricorn {

struct SteeringRequest {
  enum class Command : uint8_t { kStatus, kReload, kScale, kReopenLogs, kStop, kDumpStacks };
  Command command = Command::kStatus;
  bool wait = false;     // reload, scale, stop: the answer comes when it is done
  bool fast = false;     // stop: requests in progress are cancelled
  uint32_t workers = 0;  // scale: from 1 to kMostWorkers
  bool operator==(const SteeringRequest&) const = default;

  static constexpr uint32_t kMostWorkers = 512;
};

std::string_view name_of(SteeringRequest::Command command);
std::span<const std::string_view> steering_commands();  // their names, in the order of Command

std::string to_line(const SteeringRequest& request);  // without the line's end
// What a member does not belong to, or does not fit, is an Error.
Result<SteeringRequest> parse_steering_request(std::string_view line);

}  // namespace tricorn
