// Requests: written by `tricorn ctl`, read by the master, which believes nothing.
#include "supervisor/steering/steering_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "common/near_miss.h"
#include "supervisor/steering/json.h"

namespace tricorn {
namespace {

using Command = SteeringRequest::Command;

constexpr std::array<std::string_view, 6> kNames = {"status",      "reload", "scale",
                                                    "reopen-logs", "stop",   "dump-stacks"};

bool can_wait(Command command) {
  return command == Command::kReload || command == Command::kScale || command == Command::kStop;
}

Result<> set_flag(bool& flag, const JsonMember& member) {
  auto value = member.value.boolean();
  if (!value) return fail(fmt::format("'{}' is neither true nor false", member.name));
  flag = *value;
  return {};
}

Result<> set_workers(SteeringRequest& request, const Json& value) {
  const int64_t workers = value.integer().value_or(0);
  if (workers < 1 || workers > SteeringRequest::kMostWorkers) {
    return fail(
        fmt::format("'workers' is not a number from 1 to {}", SteeringRequest::kMostWorkers));
  }
  request.workers = static_cast<uint32_t>(workers);
  return {};
}

Result<> set_member(SteeringRequest& request, const JsonMember& member) {
  if (member.name == "command") return {};
  if (member.name == "wait" && can_wait(request.command)) return set_flag(request.wait, member);
  if (member.name == "fast" && request.command == Command::kStop)
    return set_flag(request.fast, member);
  if (member.name == "workers" && request.command == Command::kScale)
    return set_workers(request, member.value);
  return fail(fmt::format("'{}' takes no '{}'", name_of(request.command), member.name));
}

}  // namespace

std::string_view name_of(Command command) { return kNames[static_cast<size_t>(command)]; }

std::span<const std::string_view> steering_commands() { return kNames; }

std::string to_line(const SteeringRequest& request) {
  Json::Object object{{"command", name_of(request.command)}};
  if (request.command == Command::kScale) object.push_back({"workers", request.workers});
  if (request.fast) object.push_back({"fast", true});
  if (request.wait) object.push_back({"wait", true});
  return Json(std::move(object)).dump();
}

Result<SteeringRequest> parse_steering_request(std::string_view line) {
  auto value = Json::parse(line);
  if (!value) return pass_on(value);
  const std::string* name = (*value)["command"].string();
  if (name == nullptr) return fail("a request is an object with a 'command'");
  const auto found = std::ranges::find(kNames, *name);
  if (found == kNames.end()) {
    return fail(
        fmt::format("unknown command '{}'{}", *name, did_you_mean(near_miss(*name, kNames))));
  }
  SteeringRequest request{.command = static_cast<Command>(found - kNames.begin())};
  for (const JsonMember& member : *value->object()) {
    if (auto set = set_member(request, member); !set) return pass_on(set);
  }
  if (request.command == Command::kScale && request.workers == 0) {
    return fail("'scale' needs 'workers'");
  }
  return request;
}

}  // namespace tricorn
