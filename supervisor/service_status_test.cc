// ServiceStatus: what a service manager hears, in order, while a policy goes through its life.
#include "supervisor/service_status.h"

#include <gtest/gtest.h>

#include <vector>

#include "supervisor/os/service_manager_harness.h"

namespace tricorn {
namespace {

class ServiceStatusTest : public testing::Test {
 protected:
  ServiceStatusTest() : policy_({.workers = 2, .canary_window = {}}, 1) {
    Environment environment{{"NOTIFY_SOCKET", manager_.name()}};
    status_.emplace(Notifier::take_from(environment));
  }

  void feed(const Event& event) {
    for (const Effect& effect : policy_.on(now_, event)) {
      if (const auto* spawn = std::get_if<SpawnWorker>(&effect)) spawned_.push_back(spawn->worker);
    }
    status_->update(policy_);
  }
  // Spawns that were ordered succeed.
  void make_ready() {
    for (const WorkerId worker : std::exchange(spawned_, {})) {
      feed(WorkerSpawned{worker, static_cast<int32_t>(100 + worker)});
      feed(WorkerReady{worker});
    }
  }
  void boot() {
    feed(Started{});
    feed(ZygoteReady{1});
    make_ready();
  }
  // Without the lines for people.
  std::vector<std::string> states() {
    std::vector<std::string> states;
    for (std::string text; !(text = manager_.receive_now()).empty();) {
      if (text.starts_with("STATUS=")) {
        line_ = text.substr(7);
      } else {
        states.push_back(text.substr(0, text.find('\n')));
      }
    }
    return states;
  }

  using States = std::vector<std::string>;
  ServiceManager manager_;
  Policy policy_;
  std::optional<ServiceStatus> status_;
  TimePoint now_{};
  std::vector<WorkerId> spawned_;
  std::string line_;
};

TEST_F(ServiceStatusTest, ReadyWhenAllWorkersAreAndNotBefore) {
  feed(Started{});
  feed(ZygoteReady{1});
  ASSERT_EQ(spawned_.size(), 2u);
  auto second = spawned_.back();
  spawned_.pop_back();
  make_ready();
  EXPECT_EQ(states(), States());
  EXPECT_EQ(line_, "1/2 workers ready, generation 1");
  spawned_ = {second};
  make_ready();
  EXPECT_EQ(states(), States{"READY=1"});
  EXPECT_EQ(line_, "2/2 workers ready, generation 1");
}

TEST_F(ServiceStatusTest, OneWorkerLessDuringTheStartIsWaitedForNoLonger) {
  feed(Started{});
  feed(ScaleRequested{-1});
  feed(ZygoteReady{1});
  make_ready();
  EXPECT_EQ(states(), States{"READY=1"});
}

TEST_F(ServiceStatusTest, ReloadIsOverWhenAllHaveTheNewCode) {
  boot();
  states();
  status_->reload_begins();
  feed(ReloadRequested{});
  EXPECT_EQ(states(), States{"RELOADING=1"});
  EXPECT_EQ(line_, "2/2 workers ready, generation 1, reloading");
  feed(ZygoteReady{2});
  while (!spawned_.empty()) make_ready();
  EXPECT_EQ(states(), States{"READY=1"});
  EXPECT_EQ(line_, "2/2 workers ready, generation 2");
}

TEST_F(ServiceStatusTest, ReloadThatFailsIsOverTooAndSaysWhy) {
  boot();
  states();
  status_->reload_begins();
  feed(ReloadRequested{});
  feed(ZygoteReady{2});
  ASSERT_EQ(spawned_.size(), 1u);
  feed(WorkerBootFailed{spawned_[0], {BootFailureKind::kImport, "no module named x"}});
  EXPECT_EQ(states(), (States{"RELOADING=1", "READY=1"}));
  EXPECT_TRUE(
      line_.starts_with("2/2 workers ready, generation 1; the last reload failed: worker 0"))
      << line_;
}

TEST_F(ServiceStatusTest, WrongConfigurationEndsAReloadAtOnce) {
  boot();
  states();
  status_->reload_begins();
  status_->reload_fails("line 3: no such option");
  status_->update(policy_);
  EXPECT_EQ(states(), (States{"RELOADING=1", "READY=1"}));
  EXPECT_EQ(line_,
            "2/2 workers ready, generation 1; the last reload failed: line 3: no such option");
  status_->reload_begins();
  feed(ReloadRequested{});
  states();
  EXPECT_EQ(line_, "2/2 workers ready, generation 1, reloading");
}

TEST_F(ServiceStatusTest, ReloadBeforeTheStartHasEndedIsNotTold) {
  feed(Started{});
  status_->reload_begins();
  feed(ReloadRequested{});
  EXPECT_EQ(states(), States());
}

TEST_F(ServiceStatusTest, NothingIsToldAfterStopping) {
  boot();
  states();
  feed(StopRequested{});
  status_->reload_begins();
  feed(ReloadRequested{});
  EXPECT_EQ(states(), States{"STOPPING=1"});
  EXPECT_EQ(line_, "stopping, 2 workers left");
}

}  // namespace
}  // namespace tricorn
