// StatusLine: the table and every status around it.
#include "worker/protocol/status_line.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace tricorn {
namespace {

std::string line(int status) {
  std::array<char, kMaxStatusLineBytes> buffer;
  return {buffer.data(), write_status_line(buffer.data(), status)};
}

TEST(StatusLine, EveryStatusFitsAndIsWellFormed) {
  for (int status = 100; status <= 999; ++status) {
    const std::string expected =
        "HTTP/1.1 " + std::to_string(status) + " " + std::string(reason_phrase(status)) + "\r\n";
    ASSERT_EQ(line(status), expected);
    ASSERT_LE(expected.size(), kMaxStatusLineBytes);
  }
}

TEST(StatusLine, KnowsTheCommonPhrases) {
  EXPECT_EQ(reason_phrase(200), "OK");
  EXPECT_EQ(reason_phrase(404), "Not Found");
  EXPECT_EQ(reason_phrase(503), "Service Unavailable");
  EXPECT_EQ(reason_phrase(299), "");
  EXPECT_EQ(reason_phrase(99), "");
  EXPECT_EQ(reason_phrase(600), "");
}

}  // namespace
}  // namespace tricorn
