// What the server answers an operator: one JSON object in one line. Pure.
//
//   {"ok":true,...}   {"ok":false,"error":"aborted","message":"...","traceback":"..."}
#pragma once

#include <string>
#include <string_view>

#include "supervisor/policy/policy_types.h"
#include "supervisor/steering/json.h"

namespace tricorn {

// Why something was not done, as scripts tell it apart.
namespace steering_error {
inline constexpr std::string_view kBadRequest = "bad-request";
inline constexpr std::string_view kBusy = "busy";            // too many operators at once
inline constexpr std::string_view kForbidden = "forbidden";  // of another user
inline constexpr std::string_view kRefused = "refused";  // a reload whose configuration is wrong
inline constexpr std::string_view kAborted = "aborted";  // a reload whose code does not start
inline constexpr std::string_view kCancelled = "cancelled";  // by a stop, by retiring all workers
inline constexpr std::string_view kStopping = "stopping";
inline constexpr std::string_view kSuperseded = "superseded";  // by another one's scaling
inline constexpr std::string_view kFailed = "failed";
}  // namespace steering_error

Json ok_answer(Json::Object details = {});
Json error_answer(std::string_view error, std::string message, std::string traceback = "");

// To who waits for the end of a reload.
Json answer_to(const RolloutEnded& ended, size_t workers);
// To who waits for the end of the server.
Json answer_to_exit(int code);

std::string_view name_of(RolloutOutcome outcome);

}  // namespace tricorn
