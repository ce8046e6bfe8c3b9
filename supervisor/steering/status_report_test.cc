// The status: JSON that says all, and a table that a person can read.
#include "supervisor/steering/status_report.h"

#include <gtest/gtest.h>

#include "supervisor/steering/status_table.h"

namespace tricorn {
namespace {

StatusReport example() {
  return {.version = "tricorn 1.2.3",
          .app = "app:app",
          .python = "Python 3.11.2, /usr/bin/python3",
          .pid = 40,
          .uptime_s = 7384.25,
          .generation = 2,
          .reloading = true,
          .workers_wanted = 2,
          .workers_ready = 1,
          .listeners = {"http://127.0.0.1:8000", "unix:/run/app.sock"},
          .last_reload =
              ReloadStatus{.generation = 2, .outcome = "aborted", .reason = "boom", .age_s = 61},
          .slots = {{.slot = 0, .respawns = 0},
                    {.slot = 1,
                     .respawns = 3,
                     .last_exit = "killed by signal 9 (SIGKILL)",
                     .retry_in_s = 0.8}},
          .workers = {{.slot = 0,
                       .pid = 41,
                       .generation = 1,
                       .state = "ready",
                       .age_s = 7384,
                       .connections = 5,
                       .requests_active = 1,
                       .requests = 123456,
                       .bytes_sent = 1ULL << 40,
                       .rss_bytes = 45ULL << 20,
                       .heartbeat_age_s = 0.25},
                      {.slot = 0, .generation = 2, .state = "booting", .age_s = 1.5}}};
}

TEST(StatusReport, SurvivesTheWay) {
  const std::string line = to_json(example()).dump();
  EXPECT_EQ(status_report_from(Json::parse(line).value()), example());
}

TEST(StatusReport, NamesItsFiguresForScripts) {
  const Json json = to_json(example());
  EXPECT_EQ(json["pid"].integer(), 40);
  EXPECT_EQ(json["uptime_s"].number(), 7384.25);
  EXPECT_EQ(
      (*json["workers"].array())[0].dump(),
      R"({"slot":0,"pid":41,"generation":1,"state":"ready","age_s":7384.0,"connections":5,)"
      R"("requests_active":1,"requests":123456,"bytes_sent":1099511627776,"rss_bytes":47185920,)"
      R"("heartbeat_age_s":0.25})");
  EXPECT_EQ((*json["workers"].array())[1]["pid"].dump(), "null");
  EXPECT_EQ(
      (*json["slots"].array())[1].dump(),
      R"-({"slot":1,"respawns":3,"last_exit":"killed by signal 9 (SIGKILL)","retry_in_s":0.8})-");
}

TEST(StatusReport, ReadsThatOfAnotherVersion) {
  const StatusReport report = status_report_from(
      Json::parse(
          R"({"pid":7,"workers_ready":-1,"new":1,"workers":[{"slot":3},5],"listeners":null})")
          .value());
  EXPECT_EQ(report.pid, 7);
  EXPECT_EQ(report.workers_ready, 0u) << "nonsense is as if it were missing";
  ASSERT_EQ(report.workers.size(), 2u);
  EXPECT_EQ(report.workers[0].slot, 3u);
}

TEST(StatusReport, ServesWhenAWorkerIsReadyAndItDoesNotStop) {
  StatusReport report = example();
  EXPECT_TRUE(report.serves());
  report.stopping = true;
  EXPECT_FALSE(report.serves());
  report = {};
  EXPECT_FALSE(report.serves());
}

TEST(StatusTable, ShowsServerWorkersAndEmptySlots) {
  EXPECT_EQ("\n" + status_table(example(), false), R"-(
tricorn 1.2.3 serves app:app: pid 40, up 2 h 03 min, generation 2
listening on http://127.0.0.1:8000, unix:/run/app.sock
Python 3.11.2, /usr/bin/python3
1 of 2 workers ready, reloading
last reload: generation 2 aborted 1 min 01 s ago: boom

SLOT  PID  GEN  STATE                          AGE  CONN  REQUESTS     RSS    BEAT  RESPAWNS  LAST EXIT
   0   41    1  ready                   2 h 03 min     5    123456  45 MiB  250 ms         0  -
   0    -    2  booting                      1.5 s     0         0       -       -         0  -
   1    -    -  empty, tried in 800 ms           -     -         -       -       -         3  killed by signal 9 (SIGKILL)
)-");
}

TEST(StatusTable, PaintsOnlyWhenTold) {
  EXPECT_EQ(status_table(example(), false).find('\033'), std::string::npos);
  EXPECT_NE(status_table(example(), true).find("\033[32mready"), std::string::npos);
}

}  // namespace
}  // namespace tricorn
