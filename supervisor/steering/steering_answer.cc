// Answers in words for a person and a code for scripts.
#include "supervisor/steering/steering_answer.h"

#include <fmt/format.h>

namespace tricorn {

Json ok_answer(Json::Object details) {
  details.insert(details.begin(), {"ok", true});
  return details;
}

Json error_answer(std::string_view error, std::string message, std::string traceback) {
  Json::Object object{{"ok", false}, {"error", error}, {"message", std::move(message)}};
  if (!traceback.empty()) object.push_back({"traceback", std::move(traceback)});
  return object;
}

Json answer_to(const RolloutEnded& ended, size_t workers) {
  switch (ended.outcome) {
    case RolloutOutcome::kCompleted:
      return ok_answer({{"generation", ended.generation}, {"workers", workers}});
    case RolloutOutcome::kAborted:
      return error_answer(steering_error::kAborted,
                          "reload aborted, the old workers serve on: " + ended.reason,
                          ended.traceback);
    case RolloutOutcome::kCancelled:
      break;
  }
  return error_answer(steering_error::kCancelled, "reload cancelled: " + ended.reason);
}

Json answer_to_exit(int code) {
  if (code == kExitOk) return ok_answer({{"exit_code", code}});
  return Json::Object{{"ok", false},
                      {"error", steering_error::kFailed},
                      {"message", fmt::format("the server has stopped, with exit code {}", code)},
                      {"exit_code", code}};
}

std::string_view name_of(RolloutOutcome outcome) {
  switch (outcome) {
    case RolloutOutcome::kCompleted:
      return "completed";
    case RolloutOutcome::kAborted:
      return "aborted";
    case RolloutOutcome::kCancelled:
      break;
  }
  return "cancelled";
}

}  // namespace tricorn
