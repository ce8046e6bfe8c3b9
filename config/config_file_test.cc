// The configuration file: what it may hold, and each malformed line by number.
#include "config/config_file.h"

#include <gtest/gtest.h>

namespace tricorn {
namespace {

TEST(ConfigFile, EverythingItMayHold) {
  auto entries = parse_config_file(
      "# comment\r\n"
      "\n"
      "app = \"main:app\"   # trailing\n"
      "[tricorn]\n"
      "workers=4\n"
      "limit-body-bytes = 10_000_000\n"
      "timeout-keep-alive = 7.5\n"
      "access_log = false\n"
      "root-path = '/a # \\b'\n"
      "\"log-level\" = \"q\\\"\\\\\\t\\u00e4\\U0001F40E\"\n"
      "header = [ \"A: 1\", # first\n"
      "  'B: [2]',\n"
      "]\n"
      "bind = []\n"
      "port = 1 # no newline",
      "x.toml");
  ASSERT_TRUE(entries.has_value()) << entries.error().message;
  const std::vector<FileEntry> expected = {{"app", {"main:app"}, false, 3},
                                           {"workers", {"4"}, false, 5},
                                           {"limit-body-bytes", {"10000000"}, false, 6},
                                           {"timeout-keep-alive", {"7.5"}, false, 7},
                                           {"access_log", {"false"}, false, 8},
                                           {"root-path", {"/a # \\b"}, false, 9},
                                           {"log-level", {"q\"\\\t\u00e4\U0001F40E"}, false, 10},
                                           {"header", {"A: 1", "B: [2]"}, true, 11},
                                           {"bind", {}, true, 14},
                                           {"port", {"1"}, false, 15}};
  EXPECT_EQ(*entries, expected);
}

TEST(ConfigFile, CutTextIsReadOrRefusedWithALine) {
  const std::string text = "a = [ 'x', \"\\u00e4\", # c\n 1_0 ]\n[tricorn]\n\"b\" = true";
  for (size_t size = 0; size <= text.size(); ++size) {
    auto entries = parse_config_file(text.substr(0, size), "x");
    EXPECT_TRUE(entries || entries.error().message.starts_with("x:")) << size;
  }
}

TEST(ConfigFile, EmptyFileIsNoEntry) {
  EXPECT_TRUE(parse_config_file("", "x")->empty());
  EXPECT_TRUE(parse_config_file(" # only this", "x")->empty());
}

TEST(ConfigFile, MalformedLinesAreNamed) {
  struct Bad {
    const char* text;
    const char* message;
  };
  const Bad cases[] = {
      {"workers", "x:1: expected: option = value"},
      {"= 4", "x:1: expected: option = value"},
      {"a.b = 4", "x:1: expected: option = value"},
      {"\nworkers 4", "x:2: expected: option = value"},
      {"workers =", "x:1: expected a \"string\", a number"},
      {"workers = four", "x:1: expected a \"string\", a number"},
      {"workers = 4 5", "x:1: unexpected '5' after the value"},
      {"workers = 1979-05-27", "x:1: expected a \"string\", a number"},
      {"workers = {a = 1}", "x:1: expected a \"string\", a number"},
      {"app = \"open\nport = 1", "x:1: the string does not end"},
      {"app = \"open", "x:1: the string does not end"},
      {"app = \"\\q\"", "x:1: unknown escape"},
      {"app = \"\\u12\"", "x:1: unknown escape"},
      {"app = \"\\", "x:1: unknown escape"},
      {"app = \"\"\"long\"\"\"", "x:1: multi-line strings are not supported"},
      {"bind = [1, 2", "x:1: the array does not end"},
      {"bind = [1 2]", "x:1: expected ',' or ']' in the array"},
      {"bind = [\n1,\n,]", "x:3: expected a \"string\", a number"},
      {"port = 1\nport = 2", "x:2: 'port' is set twice"},
      {"[server]", "x:1: only the table [tricorn] is known"},
      {"[tricorn", "x:1: only the table [tricorn] is known"},
      {"[[tricorn]]", "x:1: only the table [tricorn] is known"},
  };
  for (const Bad& bad : cases) {
    auto entries = parse_config_file(bad.text, "x");
    ASSERT_FALSE(entries.has_value()) << bad.text;
    EXPECT_TRUE(entries.error().message.starts_with(bad.message)) << entries.error().message;
  }
}

}  // namespace
}  // namespace tricorn
