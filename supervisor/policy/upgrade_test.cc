// The old master's side.
#include "supervisor/policy/upgrade.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <functional>
#include <map>

#include "supervisor/policy/cells.h"

namespace tricorn {
namespace {

using namespace std::chrono_literals;
using State = Upgrade::State;
using testing::HasSubstr;

std::string to_word(const UpgradeEffect& effect) {
  struct Words {
    std::string operator()(const LaunchSuccessor&) { return "launch"; }
    std::string operator()(const HandOverCharge&) { return "hand over"; }
    std::string operator()(const RetireOwnWorkers&) { return "retire"; }
    std::string operator()(const BringBackOwnWorkers&) { return "bring back"; }
    std::string operator()(const AskChargeBack&) { return "ask back"; }
    std::string operator()(const TakeChargeBack&) { return "take back"; }
    std::string operator()(const DismissSuccessor& e) {
      return e.service_stops ? "dismiss for good" : "dismiss";
    }
    std::string operator()(const SignalSuccessor& e) { return fmt::format("signal {}", e.signal); }
    std::string operator()(const LeaveService&) { return "leave"; }
    std::string operator()(const StopService&) { return "stop"; }
    std::string operator()(const ReloadOwn&) { return "reload"; }
    std::string operator()(const UpgradeLog&) { return ""; }
  };
  return std::visit(Words{}, effect);
}

class Harness {
 public:
  Harness& send(const UpgradeEvent& event) {
    for (const UpgradeEffect& effect : upgrade.on(now_, event)) {
      if (const auto* line = std::get_if<UpgradeLog>(&effect)) {
        lines.push_back(*line);
      } else {
        actions_ += (actions_.empty() ? "" : ", ") + to_word(effect);
      }
    }
    return *this;
  }
  Harness& pass(Duration duration) {
    now_ += duration;
    return send(UpgradeTick{});
  }
  Harness& hand_over() { return send(UpgradeAsked{}).send(SuccessorReady{}); }
  Harness& ask_back() { return hand_over().send(UndoAsked{}).send(OwnWorkersReady{}); }
  State state() const { return upgrade.state(); }
  std::string actions() { return std::exchange(actions_, {}); }
  std::vector<std::string> errors() const {
    std::vector<std::string> texts;
    for (const UpgradeLog& line : lines) {
      if (line.level == LogLevel::kError) texts.push_back(line.text);
    }
    return texts;
  }

  static constexpr UpgradeLimits kLimits{
      .start = 100s, .undo_window = 300s, .answer = 10s, .dismissal = 40s};
  Upgrade upgrade{kLimits};
  std::vector<UpgradeLog> lines;

 private:
  TimePoint now_{std::chrono::hours(1)};
  std::string actions_;
};

struct Situation {
  const char* name;
  State state;
  std::function<void(Harness&)> prepare;
  CellTable<State> acting;
};

constexpr size_t kEventKinds = std::variant_size_v<UpgradeEvent>;
const std::array<std::pair<const char*, UpgradeEvent>, kEventKinds + 3> kEvents = {{
    {"Asked", UpgradeAsked{}},
    {"Refused", UpgradeAsked{"process 1"}},
    {"Undo", UndoAsked{}},
    {"NotStarted", SuccessorNotStarted{"no such file"}},
    {"Ready", SuccessorReady{}},
    {"Stopping", SuccessorStopping{}},
    {"GaveBack", SuccessorGaveBack{}},
    {"Exited", SuccessorExited{{.code = 3}}},
    {"OwnReady", OwnWorkersReady{}},
    {"Stop", OwnStopBegan{.signal = SIGTERM}},
    {"StopFast", OwnStopBegan{.signal = SIGQUIT}},
    {"StopUnasked", OwnStopBegan{}},
    {"Tick", UpgradeTick{}},
}};

const std::vector<Situation> kSituations = {
    {"None",
     State::kNone,
     [](Harness&) {},
     {{"Asked", {"launch", State::kStarting}}, {"Undo", {"reload", State::kNone}}}},
    {"Starting",
     State::kStarting,
     [](Harness& h) { h.send(UpgradeAsked{}); },
     {{"Undo", {"dismiss", State::kDismissing}},
      {"NotStarted", {"", State::kNone}},
      {"Ready", {"hand over, retire", State::kHandedOver}},
      {"Exited", {"", State::kNone}},
      {"Stop", {"dismiss for good", State::kDismissing}},
      {"StopFast", {"signal 3", State::kDismissing}},
      {"StopUnasked", {"dismiss for good", State::kDismissing}}}},
    {"HandedOver",
     State::kHandedOver,
     [](Harness& h) { h.hand_over(); },
     {{"Undo", {"bring back", State::kTakingBack}},
      {"Stopping", {"take back, stop", State::kDismissing}},
      {"GaveBack", {"take back, bring back", State::kDismissing}},
      {"Exited", {"take back, bring back", State::kNone}},
      {"Stop", {"", State::kLeaving}},
      {"StopFast", {"", State::kLeaving}},
      {"StopUnasked", {"", State::kLeaving}}}},
    {"TakingBack",
     State::kTakingBack,
     [](Harness& h) { h.hand_over().send(UndoAsked{}); },
     {{"Stopping", {"take back, stop", State::kDismissing}},
      {"GaveBack", {"take back", State::kDismissing}},
      {"Exited", {"take back", State::kNone}},
      {"OwnReady", {"ask back", State::kReturning}},
      {"Stop", {"", State::kLeaving}},
      {"StopFast", {"", State::kLeaving}},
      {"StopUnasked", {"", State::kLeaving}}}},
    {"Returning",
     State::kReturning,
     [](Harness& h) { h.ask_back(); },
     {{"Stopping", {"take back, stop", State::kDismissing}},
      {"GaveBack", {"take back", State::kDismissing}},
      {"Exited", {"take back", State::kNone}},
      {"Stop", {"take back, dismiss for good", State::kDismissing}},
      {"StopFast", {"take back, signal 3", State::kDismissing}},
      {"StopUnasked", {"take back, dismiss for good", State::kDismissing}}}},
    {"Dismissing",
     State::kDismissing,
     [](Harness& h) { h.ask_back().send(SuccessorGaveBack{}); },
     {{"Undo", {"reload", State::kDismissing}},
      {"Exited", {"", State::kNone}},
      {"Stop", {"dismiss for good", State::kDismissing}},
      {"StopFast", {"signal 3", State::kDismissing}},
      {"StopUnasked", {"dismiss for good", State::kDismissing}}}},
    {"StoppingTogether",
     State::kDismissing,
     [](Harness& h) { h.hand_over().send(SuccessorStopping{}).send(OwnStopBegan{}); },
     {{"Undo", {"reload", State::kDismissing}},
      {"Exited", {"", State::kNone}},
      {"StopFast", {"signal 3", State::kDismissing}}}},
    {"Leaving",
     State::kLeaving,
     [](Harness& h) { h.hand_over().send(OwnStopBegan{}); },
     {{"Stopping", {"take back", State::kDismissing}},
      {"GaveBack", {"take back", State::kDismissing}}}},
};

class UpgradeCells : public testing::TestWithParam<Situation> {};

TEST_P(UpgradeCells, ActOnlyWhereListed) {
  const Situation& situation = GetParam();
  expect_cells(situation.state, situation.acting, kEvents, [&] {
    Harness h;
    situation.prepare(h);
    return h;
  });
}

INSTANTIATE_TEST_SUITE_P(AllStates, UpgradeCells, testing::ValuesIn(kSituations),
                         [](const auto& test) { return test.param.name; });

TEST(Upgrade, RefusalsAreWarningsThatSayWhy) {
  for (const Situation& situation : kSituations) {
    Harness h;
    situation.prepare(h);
    h.lines.clear();
    h.send(UpgradeAsked{"this is process 1"});
    ASSERT_EQ(h.lines.size(), 1u) << situation.name;
    EXPECT_EQ(h.lines[0].level, LogLevel::kWarning);
    EXPECT_THAT(h.lines[0].text, HasSubstr("SIGUSR2 ignored: "));
  }
}

TEST(Upgrade, ANewMasterThatFailsIsOneErrorWithTheReason) {
  Harness h;
  h.send(UpgradeAsked{}).send(SuccessorNotStarted{"start /bin/x: No such file or directory"});
  EXPECT_THAT(h.errors(), testing::ElementsAre(HasSubstr("No such file or directory")));
  Harness crash;
  crash.send(UpgradeAsked{}).send(SuccessorExited{{.signal = SIGSEGV}});
  EXPECT_THAT(crash.errors(), testing::ElementsAre(HasSubstr("killed by signal 11 (SIGSEGV)")));
  for (const auto& [code, words] : std::map<int, std::string>{{kExitOk, "before it was ready"},
                                                              {kExitFailure, "could not listen"},
                                                              {kExitUsage, "options are wrong"},
                                                              {kExitAppStart, "did not start"},
                                                              {kExitAppImport, "be imported"},
                                                              {9, "exit code 9"}}) {
    EXPECT_THAT(describe_failed_start({.code = code}), HasSubstr(words));
  }
}

TEST(Upgrade, ANewMasterThatDoesNotGetReadyIsDismissedThenKilled) {
  Harness h;
  h.send(UpgradeAsked{}).actions();
  EXPECT_EQ(h.pass(99s).actions(), "");
  EXPECT_EQ(h.pass(1s).actions(), "dismiss");
  EXPECT_EQ(h.errors().size(), 1u);
  EXPECT_EQ(h.pass(40s).actions(), "signal 9");
  EXPECT_FALSE(h.upgrade.may_exit()) << "its end is still to be seen";
  h.send(SuccessorExited{{.signal = SIGKILL}});
  EXPECT_TRUE(h.upgrade.may_exit());
  EXPECT_EQ(h.errors().size(), 1u);
}

// What signals the whole group has signalled the new master once itself.
TEST(Upgrade, OnlyASecondSignalIsPassedOn) {
  Harness h;
  h.hand_over().send(SuccessorStopping{}).send(OwnStopBegan{}).actions();
  EXPECT_EQ(h.send(OwnStopBegan{.signal = SIGTERM}).actions(), "");
  EXPECT_EQ(h.send(OwnStopBegan{.signal = SIGINT}).actions(), "signal 2");
  Harness starting;
  starting.send(UpgradeAsked{}).send(OwnStopBegan{.signal = SIGTERM}).actions();
  EXPECT_EQ(starting.send(OwnStopBegan{.signal = SIGTERM}).actions(), "signal 15");
}

// Its options are not ours: it knows how long its drain may take.
TEST(Upgrade, ANewMasterThatLeavesSaysHowLongItIsWaitedFor) {
  for (const UpgradeEvent& leaves :
       {UpgradeEvent(SuccessorStopping{200s}), UpgradeEvent(SuccessorGaveBack{200s})}) {
    Harness h;
    h.ask_back().send(leaves).actions();
    EXPECT_EQ(h.pass(199s).actions(), "");
    EXPECT_EQ(h.pass(1s).actions(), "signal 9");
  }
}

TEST(Upgrade, AStopOfBothEndsWithTheNewMastersCode) {
  for (const ExitStatus& status : {ExitStatus{.code = 137}, ExitStatus{.signal = SIGKILL}}) {
    Harness h;
    h.hand_over().send(SuccessorStopping{}).send(SuccessorExited{status});
    EXPECT_EQ(h.upgrade.exit_code(), 137);
  }
  Harness asked_too;
  asked_too.hand_over().send(OwnStopBegan{.signal = SIGTERM}).send(SuccessorStopping{});
  EXPECT_EQ(asked_too.send(SuccessorExited{{.code = 1}}).upgrade.exit_code(), 1);
  Harness undone;
  undone.ask_back().send(SuccessorGaveBack{}).send(SuccessorExited{{.code = 1}});
  EXPECT_EQ(undone.upgrade.exit_code(), 0) << "the service goes on";
}

TEST(Upgrade, TheOldMasterLeavesAfterTheWindow) {
  Harness h;
  h.hand_over().actions();
  EXPECT_EQ(h.pass(299s).actions(), "");
  EXPECT_EQ(h.pass(1s).actions(), "leave");
  EXPECT_TRUE(h.upgrade.successor_serves() && h.upgrade.may_exit());
}

TEST(Upgrade, AnUndoThatFailsLeavesTheNewMasterServingAndCanBeTriedAgain) {
  Harness h;
  h.hand_over().send(UndoAsked{}).actions();
  EXPECT_EQ(h.pass(100s).actions(), "retire");
  EXPECT_EQ(h.upgrade.state(), State::kHandedOver);
  EXPECT_EQ(h.errors().size(), 1u);
  EXPECT_EQ(h.send(UndoAsked{}).send(OwnWorkersReady{}).actions(), "bring back, ask back");
}

TEST(Upgrade, ANewMasterThatDoesNotAnswerTheUndoIsKilled) {
  Harness h;
  h.ask_back().actions();
  EXPECT_EQ(h.pass(10s).actions(), "signal 9");
  EXPECT_EQ(h.send(SuccessorExited{{.signal = SIGKILL}}).actions(), "take back");
}

TEST(Upgrade, AfterAnUpgradeThatFailedTheNextOneCanBegin) {
  Harness h;
  h.send(UpgradeAsked{}).send(SuccessorExited{{.code = 4}}).actions();
  EXPECT_EQ(h.hand_over().actions(), "launch, hand over, retire");
}

TEST(Upgrade, EveryStateButWaitingHasADeadline) {
  for (const Situation& situation : kSituations) {
    Harness h;
    situation.prepare(h);
    const bool waits = situation.state == State::kNone || situation.state == State::kLeaving;
    EXPECT_EQ(h.upgrade.next_deadline().has_value(), !waits) << situation.name;
  }
}

}  // namespace
}  // namespace tricorn
