// The new master's side.
#include "supervisor/policy/succession.h"

#include <gtest/gtest.h>

#include "supervisor/policy/cells.h"

namespace tricorn {
namespace {

using namespace std::chrono_literals;
using State = Succession::State;

std::string to_word(const SuccessionEffect& effect) {
  struct Words {
    std::string operator()(const SayReady&) { return "ready"; }
    std::string operator()(const AssumeCharge&) { return "assume"; }
    std::string operator()(const AssumeFiles&) { return "assume files"; }
    std::string operator()(const ReturnCharge& e) { return e.stopping ? "stopping" : "return"; }
    std::string operator()(const StopForPredecessor& e) {
      return e.service_stops ? "stop with it" : "stop";
    }
    std::string operator()(const SuccessionLog&) { return ""; }
  };
  return std::visit(Words{}, effect);
}

class Harness {
 public:
  explicit Harness(bool has_predecessor = true) : succession(has_predecessor, 1s) {}

  Harness& send(const SuccessionEvent& event) {
    for (const SuccessionEffect& effect : succession.on(now_, event)) {
      auto word = to_word(effect);
      if (!word.empty()) actions_ += (actions_.empty() ? "" : ", ") + word;
    }
    return *this;
  }
  Harness& pass(Duration duration) {
    now_ += duration;
    return send(SuccessionTick{});
  }
  State state() const { return succession.state(); }
  std::string actions() { return std::exchange(actions_, {}); }

  Succession succession;

 private:
  TimePoint now_{std::chrono::hours(1)};
  std::string actions_;
};

struct Situation {
  const char* name;
  bool has_predecessor;
  std::vector<SuccessionEvent> before;
  State state;
  CellTable<State> acting;
};

const std::vector<std::pair<const char*, SuccessionEvent>> kEvents = {
    {"Readiness", ReadinessSeen{true}},
    {"Charge", ChargeReceived{}},
    {"AskedBack", ChargeAskedBack{}},
    {"Dismissed", Dismissed{}},
    {"DismissedForGood", Dismissed{.service_stops = true}},
    {"Gone", PredecessorGone{}},
    {"Stop", SuccessionStopBegan{}},
    {"Tick", SuccessionTick{}},
};

const std::vector<Situation> kSituations = {
    {"Alone", false, {}, State::kAlone, {}},
    {"Candidate",
     true,
     {},
     State::kCandidate,
     {{"Charge", {"assume", State::kInCharge}},
      {"Dismissed", {"stop", State::kStopping}},
      {"DismissedForGood", {"stop with it", State::kStopping}},
      {"Gone", {"assume", State::kAlone}},
      {"Stop", {"", State::kStopping}}}},
    {"InCharge",
     true,
     {ChargeReceived{}},
     State::kInCharge,
     {{"AskedBack", {"return, stop", State::kStopping}},
      {"Gone", {"", State::kAlone}},
      {"Stop", {"stopping", State::kStopping}}}},
    {"StoppingInCharge",
     true,
     {ChargeReceived{}, SuccessionStopBegan{}},
     State::kStopping,
     {{"DismissedForGood", {"stop with it", State::kStopping}},
      {"Gone", {"assume files", State::kStopping}}}},
    {"StoppingCandidate",
     true,
     {SuccessionStopBegan{}},
     State::kStopping,
     {{"Charge", {"return", State::kStopping}},
      {"DismissedForGood", {"stop with it", State::kStopping}}}},
};

class SuccessionCells : public testing::TestWithParam<Situation> {};

TEST_P(SuccessionCells, ActOnlyWhereListed) {
  const Situation& situation = GetParam();
  ASSERT_EQ(kEvents.size(), std::variant_size_v<SuccessionEvent> + 1);
  expect_cells(situation.state, situation.acting, kEvents, [&] {
    Harness h(situation.has_predecessor);
    for (const SuccessionEvent& before : situation.before) h.send(before);
    return h;
  });
}

INSTANTIATE_TEST_SUITE_P(AllStates, SuccessionCells, testing::ValuesIn(kSituations),
                         [](const auto& test) { return test.param.name; });

TEST(Succession, SaysOnceThatItIsReadyWhenAllWorkersHaveLivedForAWhile) {
  Harness h;
  h.send(ReadinessSeen{true});
  EXPECT_EQ(h.pass(500ms).send(ReadinessSeen{true}).pass(499ms).actions(), "");
  EXPECT_EQ(h.pass(1ms).actions(), "ready");
  EXPECT_EQ(h.send(ReadinessSeen{true}).pass(1h).actions(), "");
}

TEST(Succession, AWorkerThatIsLostMakesTheWaitStartOver) {
  Harness h;
  h.send(ReadinessSeen{true}).pass(900ms).send(ReadinessSeen{false}).pass(1h);
  EXPECT_EQ(h.actions(), "");
  EXPECT_EQ(h.send(ReadinessSeen{true}).pass(999ms).actions(), "");
  EXPECT_EQ(h.pass(1ms).actions(), "ready");
}

}  // namespace
}  // namespace tricorn
