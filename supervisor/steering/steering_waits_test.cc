// Waits against a real policy: each ends once, with the right answer.
#include "supervisor/steering/steering_waits.h"

#include <gtest/gtest.h>

#include <chrono>

namespace tricorn {
namespace {

using namespace std::chrono_literals;

// A policy whose zygote and first two workers are up, and what its rollouts tell the waits.
class SteeringWaitsTest : public testing::Test {
 protected:
  SteeringWaitsTest() {
    send(Started{});
    send(ZygoteReady{1});
    up(1);
    up(2);
    answers_.clear();
  }
  void send(const Event& event) {
    for (const Effect& effect : policy_.on(now_, event)) {
      if (const auto* spawn = std::get_if<SpawnWorker>(&effect)) newest_ = spawn->worker;
      if (const auto* ended = std::get_if<RolloutEnded>(&effect)) {
        note(waits_.on(*ended, policy_.slots().size()));
      }
      if (const auto* exit = std::get_if<ExitMaster>(&effect)) note(waits_.on_exit(exit->code));
    }
    note(waits_.on_change(policy_));
  }
  void up(WorkerId worker) {
    send(WorkerSpawned{worker, static_cast<int32_t>(100 + worker)});
    send(WorkerReady{worker});
  }
  void boot_fails(WorkerId worker) {
    send(WorkerSpawned{worker, static_cast<int32_t>(100 + worker)});
    send(WorkerBootFailed{worker, {BootFailureKind::kStart, "KeyError: 'DB'"}});
  }
  void pass(Duration duration) {
    now_ += duration;
    send(Tick{});
  }
  void note(const SteeringWaits::Answers& answers) {
    for (const auto& [client, answer] : answers) {
      answers_ += fmt::format("{} {}\n", client, answer.dump());
    }
  }
  std::string answers() { return std::exchange(answers_, {}); }

  TimePoint now_{1h};
  Policy policy_{{.workers = 2}, 1};
  SteeringWaits waits_;
  WorkerId newest_ = 0;
  std::string answers_;
};

TEST_F(SteeringWaitsTest, SeveralWaitForOneReloadAndOneForTheNext) {
  waits_.for_rollout(1, *policy_.next_reload());
  waits_.for_rollout(2, *policy_.next_reload());
  send(ReloadRequested{});
  waits_.for_rollout(3, *policy_.next_reload());
  send(ReloadRequested{});
  send(ZygoteReady{2});
  up(3);
  pass(1s);
  EXPECT_EQ(answers(), "");
  up(4);
  EXPECT_EQ(answers(),
            "1 {\"ok\":true,\"generation\":2,\"workers\":2}\n"
            "2 {\"ok\":true,\"generation\":2,\"workers\":2}\n");
  send(ZygoteFailed{3, {BootFailureKind::kImport, "SyntaxError"}});
  EXPECT_EQ(answers(),
            "3 {\"ok\":false,\"error\":\"aborted\",\"message\":\"reload aborted, the old workers "
            "serve on: "
            "zygote of generation 3 could not load the app\",\"traceback\":\"SyntaxError\"}\n");
}

TEST_F(SteeringWaitsTest, StopCancelsReloadsAndEndsTheRest) {
  waits_.for_rollout(1, *policy_.next_reload());
  waits_.for_exit(2);
  send(ReloadRequested{});
  send(StopRequested{});
  EXPECT_EQ(answers(),
            "1 {\"ok\":false,\"error\":\"cancelled\",\"message\":\"reload cancelled: the server is "
            "stopping\"}\n");
  for (WorkerId worker : {1, 2}) send(WorkerExited{worker, {}});
  for (Generation generation : {1, 2}) send(ZygoteExited{generation, {}});
  EXPECT_EQ(answers(), "2 {\"ok\":true,\"exit_code\":0}\n");
}

TEST_F(SteeringWaitsTest, ForcedStopIsAFailure) {
  waits_.for_exit(1);
  waits_.for_rollout(2, 99);
  const auto ended = waits_.on_exit(1);
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(*ended[0].second["message"].string(), "the server has stopped, with exit code 1");
  EXPECT_EQ(ended[0].second["exit_code"].integer(), 1) << "ctl waits for the process then";
  EXPECT_EQ(*ended[1].second["error"].string(), "stopping");
  EXPECT_TRUE(waits_.on_exit(0).empty()) << "once";
}

TEST_F(SteeringWaitsTest, ScaleEndsWhenAllServe) {
  waits_.for_scale(1, policy_, 3);
  send(ScaleTo{3});
  EXPECT_EQ(answers(), "");
  up(3);
  EXPECT_EQ(answers(), "1 {\"ok\":true,\"workers\":3}\n");
  waits_.for_scale(2, policy_, 1);
  send(ScaleTo{1});
  EXPECT_EQ(answers(), "2 {\"ok\":true,\"workers\":1}\n") << "those that retire are not waited for";
}

TEST_F(SteeringWaitsTest, ScaleEndsWhenANewWorkerFails) {
  waits_.for_scale(1, policy_, 3);
  send(ScaleTo{3});
  boot_fails(newest_);
  EXPECT_EQ(answers(),
            "1 {\"ok\":false,\"error\":\"failed\",\"message\":\"worker 2 could not start the app; "
            "the server goes on trying\",\"traceback\":\"KeyError: 'DB'\"}\n");
}

TEST_F(SteeringWaitsTest, ScaleAfterAllWereRetiredWaitsForEachSlot) {
  send(RetireAllRequested{});
  for (WorkerId worker : {1, 2}) send(WorkerExited{worker, {}});
  waits_.for_scale(1, policy_, 2);
  send(ScaleTo{2});
  EXPECT_EQ(answers(), "");
  boot_fails(newest_);
  EXPECT_EQ(answers(),
            "1 {\"ok\":false,\"error\":\"failed\",\"message\":\"worker 1 could not start the app; "
            "the server goes on trying\",\"traceback\":\"KeyError: 'DB'\"}\n");
}

TEST_F(SteeringWaitsTest, ScaleEndsWhenAllAreRetired) {
  waits_.for_scale(1, policy_, 3);
  send(ScaleTo{3});
  send(RetireAllRequested{});
  EXPECT_EQ(
      answers(),
      "1 {\"ok\":false,\"error\":\"superseded\",\"message\":\"another request has retired all "
      "workers\"}\n");
}

TEST_F(SteeringWaitsTest, ScaleEndsWhenAnotherScalesOrStops) {
  waits_.for_scale(1, policy_, 4);
  send(ScaleTo{4});
  send(ScaleRequested{-1});
  EXPECT_EQ(
      answers(),
      "1 {\"ok\":false,\"error\":\"superseded\",\"message\":\"another request has changed the "
      "number of workers to 3\"}\n");
  waits_.for_scale(2, policy_, 3);
  send(StopRequested{});
  EXPECT_EQ(answers(),
            "2 {\"ok\":false,\"error\":\"stopping\",\"message\":\"not scaled: the server is "
            "stopping\"}\n");
}

TEST_F(SteeringWaitsTest, WhoHasGoneIsNotAnswered) {
  waits_.for_exit(1);
  waits_.forget(1);
  EXPECT_TRUE(waits_.on_exit(0).empty());
}

}  // namespace
}  // namespace tricorn
