// The master end to end, without Python: crashes, reloads and stops of real processes.
#include "supervisor/runner.h"

#include <gtest/gtest.h>

#include "supervisor/test_master.h"

namespace tricorn {
namespace {

using testing_fakes::MasterSetup;
using testing_fakes::TestMaster;

MasterSetup setup_of(uint32_t workers, std::string app = "ok") {
  MasterSetup setup;
  setup.policy = {.workers = workers,
                  .boot_timeout = milliseconds(10'000),
                  .drain_timeout = milliseconds(200),
                  .kill_grace = milliseconds(200),
                  .canary_window = milliseconds(50),
                  .backoff_first = milliseconds(10),
                  .backoff_max = milliseconds(50)};
  setup.app = std::move(app);
  return setup;
}

TEST(Runner, WorkersLearnThatListenersListenThenDrainOnTerm) {
  TestMaster master(setup_of(2));
  auto workers = master.await_serving(2);
  ASSERT_EQ(workers.size(), 2u);
  master.signal(SIGTERM);
  EXPECT_FALSE(master.await("drain").empty());
  EXPECT_FALSE(master.await("drain").empty());
  EXPECT_EQ(master.await_exit(), 0);
}

TEST(Runner, KilledWorkerIsReplacedInItsSlot) {
  TestMaster master(setup_of(2));
  auto workers = master.await_serving(2);
  ASSERT_EQ(workers.size(), 2u);
  ::kill(workers["1"], SIGKILL);
  auto replacement = master.await("ready");
  ASSERT_EQ(replacement.size(), 4u);
  EXPECT_EQ(replacement[1], "1");
  EXPECT_EQ(replacement[2], "1") << "same generation";
  EXPECT_NE(std::stoi(replacement[3]), workers["1"]);
  EXPECT_EQ(master.await("listening"), (testing_fakes::JournalLine{"listening", replacement[3]}));
  EXPECT_EQ(::kill(workers["0"], 0), 0) << "the other worker is untouched";
  master.signal(SIGTERM);
  EXPECT_EQ(master.await_exit(), 0);
}

TEST(Runner, HupRollsEveryWorkerToANewGeneration) {
  TestMaster master(setup_of(2));
  auto old_workers = master.await_serving(2);
  master.signal(SIGHUP);
  auto new_workers = master.await_serving(2);
  ASSERT_EQ(new_workers.size(), 2u) << "one for each slot";
  EXPECT_NE(new_workers["0"], old_workers["0"]);
  EXPECT_NE(new_workers["1"], old_workers["1"]);
  EXPECT_FALSE(master.await("drain").empty());
  master.signal(SIGTERM);
  EXPECT_EQ(master.await_exit(), 0);
}

TEST(Runner, HupWithAnAppThatDoesNotStartKeepsTheOldWorkers) {
  auto setup = setup_of(2);
  setup.app_after_reload = "start-fails";
  TestMaster master(setup);
  auto workers = master.await_serving(2);
  master.signal(SIGHUP);
  ASSERT_FALSE(master.await("zygote").empty()) << "the first zygote, or the new one";
  master.signal(SIGUSR1);  // the old workers still obey
  EXPECT_FALSE(master.await("reopen").empty());
  EXPECT_FALSE(master.await("reopen").empty());
  EXPECT_EQ(::kill(workers["0"], 0), 0);
  EXPECT_EQ(::kill(workers["1"], 0), 0);
  master.signal(SIGTERM);
  EXPECT_EQ(master.await_exit(), 0);
}

TEST(Runner, HupWithABadConfigurationTouchesNothing) {
  auto setup = setup_of(1);
  setup.app_after_reload = "";
  TestMaster master(setup);
  auto workers = master.await_serving(1);
  auto before = master.open_descriptors();
  master.signal(SIGHUP);
  master.signal(SIGUSR1);
  EXPECT_EQ(master.await("reopen"),
            (testing_fakes::JournalLine{"reopen", std::to_string(workers["0"])}));
  EXPECT_EQ(master.open_descriptors(), before);
  master.signal(SIGTERM);
  EXPECT_EQ(master.await_exit(), 0);
}

struct BootFailureCase {
  const char* app;
  int exit_code;
};
class FirstBootTest : public testing::TestWithParam<BootFailureCase> {};

TEST_P(FirstBootTest, FailureDecidesTheExitCode) {
  auto setup = setup_of(4, GetParam().app);
  setup.policy.kill_grace =
      milliseconds(10'000);  // a busy machine's zygote is late with its reports
  TestMaster master(setup);
  EXPECT_EQ(master.await_exit(), GetParam().exit_code);
}

INSTANTIATE_TEST_SUITE_P(All, FirstBootTest,
                         testing::Values(BootFailureCase{"start-fails", 3},
                                         BootFailureCase{"import-fails", 4},
                                         BootFailureCase{"preload-fails", 4},
                                         BootFailureCase{"exits", 3},
                                         BootFailureCase{"zygote-exits", 1}));

TEST(Runner, ZygoteWithThreadsGivesWayToOneThatDoesNotPreload) {
  auto setup = setup_of(2, "has-threads");
  setup.preload = true;
  TestMaster master(setup);
  EXPECT_EQ(master.await_serving(2).size(), 2u);
  ASSERT_FALSE(master.await("zygote").empty());
  ASSERT_FALSE(master.await("zygote").empty()) << "the second one, which the workers come from";
  master.signal(SIGTERM);
  EXPECT_EQ(master.await_exit(), 0);
}

TEST(Runner, TermDuringTheFirstBootEndsAtOnce) {
  TestMaster master(setup_of(2, "hangs-in-boot"));
  ASSERT_FALSE(master.await("zygote").empty());
  master.signal(SIGTERM);
  EXPECT_EQ(master.await_exit(), 0);
}

TEST(Runner, WorkerThatOutlivesItsDrainIsKilledAndTheExitCodeSaysSo) {
  TestMaster master(setup_of(1, "drains-slowly"));
  ASSERT_EQ(master.await_serving(1).size(), 1u);
  master.signal(SIGTERM);
  EXPECT_FALSE(master.await("draining").empty());
  EXPECT_EQ(master.await_exit(), 1);
}

TEST(Runner, SecondTermIsFast) {
  auto setup = setup_of(1, "drains-slowly");
  setup.policy.drain_timeout = milliseconds(60'000);
  TestMaster master(setup);
  ASSERT_EQ(master.await_serving(1).size(), 1u);
  master.signal(SIGTERM);
  ASSERT_FALSE(master.await("draining").empty());
  master.signal(SIGTERM);
  EXPECT_FALSE(master.await("quit").empty());
  EXPECT_EQ(master.await_exit(), 128 + SIGTERM);
}

TEST(Runner, ScalesByTtinAndTtou) {
  TestMaster master(setup_of(1));
  ASSERT_EQ(master.await_serving(1).size(), 1u);
  master.signal(SIGTTIN);
  auto added = master.await_serving(1);
  ASSERT_TRUE(added.contains("1"));
  master.signal(SIGTTOU);
  EXPECT_EQ(master.await("drain"),
            (testing_fakes::JournalLine{"drain", std::to_string(added["1"])}));
  master.signal(SIGTERM);
  EXPECT_EQ(master.await_exit(), 0);
}

TEST(Runner, KilledZygoteIsReplacedAndSpawnsAgain) {
  TestMaster master(setup_of(1));
  auto zygote = master.await("zygote");
  auto workers = master.await_serving(1);
  ASSERT_EQ(workers.size(), 1u);
  ::kill(std::stoi(zygote.at(1)), SIGKILL);
  ASSERT_FALSE(master.await("zygote").empty());
  EXPECT_EQ(::kill(workers["0"], 0), 0) << "workers live on without their zygote";
  ::kill(workers["0"], SIGKILL);
  EXPECT_EQ(master.await_serving(1).size(), 1u);
  master.signal(SIGTERM);
  EXPECT_EQ(master.await_exit(), 0);
}

TEST(Runner, WorkersEndWithTheirMaster) {
  TestMaster master(setup_of(3));
  ASSERT_EQ(master.await_serving(3).size(), 3u);
  master.signal(SIGKILL);
  EXPECT_EQ(master.await_exit(), 128 + SIGKILL);
}

TEST(Runner, ReloadsAndCrashesLeaveNeitherDescriptorsNorZombies) {
  TestMaster master(setup_of(2));
  auto workers = master.await_serving(2);
  ASSERT_EQ(workers.size(), 2u);
  // Once both have answered, the master has dealt with all that went before.
  auto await_answers = [&] {
    master.signal(SIGUSR1);
    master.await("reopen");
    master.await("reopen");
  };
  auto roll = [&] {
    master.signal(SIGHUP);
    workers = master.await_serving(2);
    ASSERT_EQ(workers.size(), 2u);
    master.await("drain");
    master.await("drain");
    await_answers();
  };
  roll();
  auto before = master.open_descriptors();
  for (int i = 0; i < 10; ++i) {
    ::kill(workers["0"], SIGKILL);
    ASSERT_EQ(master.await_serving(1).size(), 1u);
    roll();
  }
  EXPECT_LE(master.open_descriptors(), before + 4)
      << "a worker on its way out holds two descriptors";
  // Those of the last roll may be ending just now.
  bool zombies = true;
  for (int i = 0; i < 100 && zombies; ++i) {
    await_answers();
    zombies = master.child_states().contains("Z");
  }
  EXPECT_FALSE(zombies);
  master.signal(SIGTERM);
  EXPECT_EQ(master.await_exit(), 0);
}

// Fault 36, with files in the place of a cgroup: what the kernel counts is all that it tells.
TEST(Runner, AKillThatTheCgroupCountsIsToldAsOutOfMemoryAndEndsTheServerIfAsked) {
  std::string root = std::filesystem::temp_directory_path() / "tricorn-cgroup-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  std::filesystem::create_directories(root + "/proc/self");
  std::filesystem::create_directories(root + "/sys/fs/cgroup/app");
  std::ofstream(root + "/proc/self/cgroup") << "0::/app\n";
  std::ofstream(root + "/sys/fs/cgroup/app/memory.events") << "oom_kill 0\n";
  auto setup = setup_of(2);
  setup.policy.exit_on_worker_crash = true;
  setup.cgroup_root = root;
  setup.log_to_journal = true;
  TestMaster master(setup);
  auto workers = master.await_serving(2);
  ASSERT_EQ(workers.size(), 2u);
  std::ofstream(root + "/sys/fs/cgroup/app/memory.events") << "oom_kill 1\n";
  ::kill(workers["0"], SIGKILL);
  EXPECT_FALSE(master.await_mention("memory").empty());
  EXPECT_FALSE(master.await("drain").empty()) << "the other worker may finish";
  EXPECT_EQ(master.await_exit(), 137);
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace tricorn
