// CliTest: parses command lines with an environment and files of the test's own.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/cli.h"

namespace tricorn {

using Words = std::vector<std::string>;

class CliTest : public ::testing::Test {
 protected:
  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  // A file beside others of this test; its path.
  std::string file(const std::string& name, const std::string& text) {
    if (folder_.empty()) {
      folder_ = std::filesystem::temp_directory_path() / "tricorn-cli-XXXXXX";
      EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    }
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }
  Result<ParsedCommand> parse(const Words& words, const Environment& environment = {}) {
    std::vector<const char*> argv = {"tricorn"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    return parse_command_line(static_cast<int>(argv.size()), argv.data(), environment);
  }
  // With an app, so that only the words in question matter.
  ParsedCommand parsed(Words words, const Environment& environment = {}) {
    words.push_back("main:app");
    auto command = parse(words, environment);
    EXPECT_TRUE(command.has_value()) << command.error().message;
    return command.value_or(ParsedCommand{});
  }
  Options options(const Words& words, const Environment& environment = {}) {
    return parsed(words, environment).options;
  }
  std::string error(Words words, const Environment& environment = {}) {
    words.push_back("main:app");
    auto command = parse(words, environment);
    EXPECT_FALSE(command.has_value());
    return command ? "" : command.error().message;
  }
  std::string folder_;
};

}  // namespace tricorn
