// What a person reads.
#include "supervisor/ctl/output.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

using Command = SteeringRequest::Command;

std::string shown(const SteeringRequest& request, std::string_view answer) {
  return text_of(request, Json::parse(answer).value(), false);
}

TEST(CtlOutput, SaysWhatWasDone) {
  EXPECT_EQ(shown({.command = Command::kReload, .wait = true},
                  R"({"ok":true,"generation":3,"workers":1})"),
            "reloaded: generation 3 serves with 1 worker\n");
  EXPECT_EQ(shown({.command = Command::kReload}, R"({"ok":true,"generation":3,"queued":false})"),
            "reloading: to generation 3\n");
  EXPECT_EQ(shown({.command = Command::kReload}, R"({"ok":true,"generation":4,"queued":true})"),
            "reloading after the reload in progress: to generation 4\n");
  EXPECT_EQ(shown({.command = Command::kScale, .wait = true, .workers = 4}, R"({"ok":true})"),
            "scaled: 4 workers\n");
  EXPECT_EQ(shown({.command = Command::kStop}, R"({"ok":true})"), "stopping\n");
}

TEST(CtlOutput, StacksOfEachWorker) {
  EXPECT_EQ(
      shown({.command = Command::kDumpStacks},
            R"({"ok":true,"workers":[{"slot":0,"pid":7,"generation":1,"stacks":"File a"},)"
            R"({"slot":1,"pid":8,"generation":1,"stacks":null}]})"),
      "worker 0 (pid 7) of generation 1\nFile a\n\nworker 1 (pid 8) of generation 1\nno answer\n");
  EXPECT_EQ(shown({.command = Command::kDumpStacks}, R"({"ok":true,"workers":[]})"),
            "no workers\n");
}

TEST(CtlOutput, FailuresCarryTheTracebackButNoTerminalControl) {
  const Json answer(Json::Object{
      {"ok", false}, {"message", "reload aborted"}, {"traceback", "Traceback\n\x1b[2J boom\n"}});
  EXPECT_EQ(failure_text(answer), "reload aborted\nTraceback\n\\x1b[2J boom\n");
  EXPECT_EQ(failure_text(Json()), "the server gives no reason\n");
}

}  // namespace
}  // namespace tricorn
