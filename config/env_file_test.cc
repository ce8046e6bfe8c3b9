// Env files: the forms in use, and malformed lines by number.
#include "config/env_file.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

TEST(EnvFile, CommonForms) {
  auto variables = parse_env_file(
      "# comment\n"
      "\n"
      "PLAIN=a b\r\n"
      "  SPACED = x  \n"
      "export EXPORTED=1\n"
      "EMPTY=\n"
      "HASH=a#b # comment\n"
      "SINGLE='a \\n $X # b' # comment\n"
      "DOUBLE=\"a\\nb \\\"q\\\" \\\\ # c\"\n"
      "URL=postgres://u:p@h/db?x=y\n"
      "LAST=no newline",
      ".env");
  ASSERT_TRUE(variables.has_value()) << variables.error().message;
  const Variables expected = {{"PLAIN", "a b"},
                              {"SPACED", "x"},
                              {"EXPORTED", "1"},
                              {"EMPTY", ""},
                              {"HASH", "a#b"},
                              {"SINGLE", "a \\n $X # b"},
                              {"DOUBLE", "a\nb \"q\" \\ # c"},
                              {"URL", "postgres://u:p@h/db?x=y"},
                              {"LAST", "no newline"}};
  EXPECT_EQ(*variables, expected);
}

TEST(EnvFile, MalformedLinesAreNamed) {
  struct Bad {
    const char* text;
    const char* message;
  };
  const Bad cases[] = {{"A=1\nnonsense\n", ".env:2: expected NAME=value"},
                       {"1A=1", ".env:1: expected NAME=value"},
                       {"=1", ".env:1: expected NAME=value"},
                       {"\nA=\"open", ".env:2: the quotes of A do not match"},
                       {"A='x' y", ".env:1: the quotes of A do not match"}};
  for (const Bad& bad : cases) {
    auto variables = parse_env_file(bad.text, ".env");
    ASSERT_FALSE(variables.has_value()) << bad.text;
    EXPECT_EQ(variables.error().message, bad.message);
  }
}

}  // namespace
}  // namespace tricorn
