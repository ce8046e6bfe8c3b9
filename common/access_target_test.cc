// AccessTarget: spellings, and places that cannot be opened.
#include "common/access_target.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

using Kind = AccessTarget::Kind;

TEST(AccessTarget, HasTheseSpellings) {
  const std::pair<const char*, AccessTarget> kCases[] = {
      {"-", {}},
      {"/var/log/a", {Kind::kFile, "/var/log/a"}},
      {"a.log", {Kind::kFile, "a.log"}},
      {"syslog", {Kind::kSyslogUnix, "/dev/log"}},
      {"syslog:unix:/run/log", {Kind::kSyslogUnix, "/run/log"}},
      {"syslog:udp:localhost:514", {Kind::kSyslogUdp, "localhost", 514}},
      {"syslog:udp:[::1]:514", {Kind::kSyslogUdp, "::1", 514}},
  };
  for (const auto& [text, target] : kCases) {
    auto parsed = parse_access_target(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, target) << text;
    EXPECT_EQ(*parse_access_target(to_string(target)), target) << text;
  }
}

TEST(AccessTarget, RefusesOthers) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "'' is no path; standard output is -"},
      {"syslog:", "'syslog:' is none of syslog, syslog:unix:PATH, syslog:udp:HOST:PORT"},
      {"syslog:tcp:a:1",
       "'syslog:tcp:a:1' is none of syslog, syslog:unix:PATH, syslog:udp:HOST:PORT"},
      {"syslog:udp:a", "'syslog:udp:a' is not syslog:udp:HOST:PORT"},
      {"syslog:udp:a:0", "'syslog:udp:a:0' is not syslog:udp:HOST:PORT"},
      {"syslog:udp:a:70000", "'syslog:udp:a:70000' is not syslog:udp:HOST:PORT"},
      {"syslog:udp:::1:514", "'syslog:udp:::1:514' is not syslog:udp:HOST:PORT"},
  };
  for (const auto& [text, message] : kCases) {
    auto parsed = parse_access_target(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().message, message);
  }
}

TEST(AccessTarget, SaysWhatCannotBeOpened) {
  auto opened = open_access_target({Kind::kFile, "/nonexistent/a"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, "open /nonexistent/a: No such file or directory");
  opened = open_access_target({Kind::kSyslogUnix, "/nonexistent/log"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message,
            "connect syslog at /nonexistent/log: No such file or directory");
}

}  // namespace
}  // namespace tricorn
