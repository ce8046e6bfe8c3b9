// What /proc shows after the title was set.
#include "common/process_title.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace tricorn {
namespace {

std::string shown_title() {
  std::ifstream file("/proc/self/cmdline");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  return text.c_str();  // up to the first NUL, as ps prints it
}

std::string shown_name() {
  std::ifstream file("/proc/self/comm");
  std::string text;
  std::getline(file, text);
  return text;
}

TEST(ProcessTitle, ReplacesTheCommandLineAndKeepsTheEnvironment) {
  ::setenv("TITLE_TEST", "kept", 1);
  std::string path = std::getenv("PATH");
  reserve_process_title();
  std::string longer(300, 'x');
  set_process_title("tricorn: master " + longer);
  EXPECT_EQ(shown_title().rfind("tricorn: master xxxx", 0), 0u);
  EXPECT_EQ(shown_name(), "tricorn: master");
  set_process_title("tricorn: short");
  EXPECT_EQ(shown_title(), "tricorn: short");
  EXPECT_STREQ(std::getenv("TITLE_TEST"), "kept");
  EXPECT_EQ(std::getenv("PATH"), path);
}

}  // namespace
}  // namespace tricorn
