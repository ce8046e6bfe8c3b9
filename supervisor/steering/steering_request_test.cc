// Requests: every one survives the way over the socket, and nothing else is understood.
#include "supervisor/steering/steering_request.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace tricorn {
namespace {

using Command = SteeringRequest::Command;

TEST(SteeringRequest, SurvivesTheWay) {
  const std::vector<SteeringRequest> requests = {
      {},
      {.command = Command::kReload},
      {.command = Command::kReload, .wait = true},
      {.command = Command::kScale, .workers = 512},
      {.command = Command::kScale, .wait = true, .workers = 1},
      {.command = Command::kReopenLogs},
      {.command = Command::kStop, .wait = true, .fast = true},
      {.command = Command::kDumpStacks}};
  for (const SteeringRequest& request : requests) {
    auto read = parse_steering_request(to_line(request));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, request) << to_line(request);
  }
}

TEST(SteeringRequest, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "no JSON at byte 1"},
      {"status", "no JSON at byte 1"},
      {"[]", "a request is an object with a 'command'"},
      {R"({"command":1})", "a request is an object with a 'command'"},
      {R"({"command":"relaod"})", "unknown command 'relaod' (did you mean reload?)"},
      {R"({"command":"status","wait":true})", "'status' takes no 'wait'"},
      {R"({"command":"reload","fast":true})", "'reload' takes no 'fast'"},
      {R"({"command":"reload","wait":1})", "'wait' is neither true nor false"},
      {R"({"command":"scale"})", "'scale' needs 'workers'"},
      {R"({"command":"scale","workers":0})", "'workers' is not a number from 1 to 512"},
      {R"({"command":"scale","workers":513})", "'workers' is not a number from 1 to 512"},
      {R"({"command":"scale","workers":"4"})", "'workers' is not a number from 1 to 512"},
      {R"({"command":"scale","workers":-9223372036854775808})",
       "'workers' is not a number from 1 to 512"},
  };
  for (const auto& [line, message] : cases) {
    auto read = parse_steering_request(line);
    ASSERT_FALSE(read) << line;
    EXPECT_EQ(read.error().message, message);
  }
}

}  // namespace
}  // namespace tricorn
