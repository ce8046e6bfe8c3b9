// ctl's command line: every command, where the socket is found, and what is refused.
#include "supervisor/ctl/command.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace tricorn {
namespace {

using Command = SteeringRequest::Command;
using Words = std::vector<std::string>;

const Environment kSocket = {{"TRICORN_CONTROL_SOCKET", "/run/x.sock"}};

CtlCommand parsed(const Words& words, const Environment& environment = kSocket) {
  auto command = parse_ctl_command(words, environment);
  EXPECT_TRUE(command) << command.error().message;
  return command.value_or(CtlCommand{});
}

std::string error(const Words& words, const Environment& environment = kSocket) {
  auto command = parse_ctl_command(words, environment);
  EXPECT_FALSE(command);
  return command ? "" : command.error().message;
}

TEST(CtlCommand, EachCommandBecomesItsRequest) {
  EXPECT_EQ(parsed({"status"}).request, SteeringRequest{});
  EXPECT_EQ(parsed({"reload", "--wait"}).request,
            (SteeringRequest{.command = Command::kReload, .wait = true}));
  EXPECT_EQ(parsed({"--wait", "scale", "4"}).request,
            (SteeringRequest{.command = Command::kScale, .wait = true, .workers = 4}));
  EXPECT_EQ(parsed({"reopen-logs"}).request, (SteeringRequest{.command = Command::kReopenLogs}));
  EXPECT_EQ(parsed({"stop", "--fast"}).request,
            (SteeringRequest{.command = Command::kStop, .fast = true}));
  EXPECT_EQ(parsed({"dump-stacks"}).request, (SteeringRequest{.command = Command::kDumpStacks}));
  EXPECT_TRUE(parsed({"status", "--ready", "--json"}).must_serve);
  EXPECT_TRUE(parsed({"status", "--ready", "--json"}).json);
}

TEST(CtlCommand, WaitsAsLongAsItTakesUnlessTold) {
  EXPECT_EQ(parsed({"reload"}).patience, milliseconds(10'000));
  EXPECT_EQ(parsed({"reload", "--wait"}).patience, std::nullopt);
  EXPECT_EQ(parsed({"reload", "--wait", "--timeout", "2.5"}).patience, milliseconds(2'500));
  EXPECT_EQ(parsed({"status", "--timeout=1"}).patience, milliseconds(1'000));
}

TEST(CtlCommand, FindsTheSocketAsTheServerDoes) {
  const std::string folder = std::filesystem::temp_directory_path() / "tricorn-ctl-test.toml";
  std::ofstream(folder) << "workers = 2\ncontrol-socket = \"/run/file.sock\"\n";
  const Environment none;
  const Environment file = {{"TRICORN_CONFIG", folder}};
  EXPECT_EQ(parsed({"status", "--control-socket", "/a.sock", "-c", folder}).socket_path, "/a.sock");
  EXPECT_EQ(parsed({"status", "-c", folder}).socket_path, "/run/x.sock") << "the variable first";
  EXPECT_EQ(parsed({"status", "-c", folder}, none).socket_path, "/run/file.sock");
  EXPECT_EQ(parsed({"status"}, file).socket_path, "/run/file.sock");
  std::ofstream(folder) << "workers = 2\n";
  EXPECT_EQ(error({"status"}, file), "'" + folder + "' names no control-socket");
  std::filesystem::remove(folder);
  EXPECT_NE(error({"status"}, file).find("No such file"), std::string::npos);
  EXPECT_NE(error({"status"}, none).find("TRICORN_CONTROL_SOCKET"), std::string::npos);
}

// Where the server has it: a path that is relative there is no path from where the operator is.
TEST(CtlCommand, CountsTheSocketFromTheServersFolder) {
  const std::string file = std::filesystem::temp_directory_path() / "tricorn-ctl-chdir.toml";
  std::ofstream(file) << "chdir = \"/srv\"\ncontrol-socket = \"run/x.sock\"\n";
  EXPECT_EQ(parsed({"status", "-c", file}, {}).socket_path, "/srv/run/x.sock");
  EXPECT_EQ(parsed({"status", "-c", file}, {{"TRICORN_CHDIR", "/app"}}).socket_path,
            "/app/run/x.sock");
  const Environment relative = {{"TRICORN_CONTROL_SOCKET", "y.sock"}};
  EXPECT_EQ(parsed({"status", "-c", file}, relative).socket_path, "/srv/y.sock");
  EXPECT_EQ(parsed({"status"}, relative).socket_path, "y.sock");
  EXPECT_EQ(parsed({"status", "--control-socket", "z.sock", "-c", file}, {}).socket_path, "z.sock");
  std::filesystem::remove(file);
}

TEST(CtlCommand, SaysWhatIsWrong) {
  const std::pair<Words, const char*> cases[] = {
      {{"relaod"}, "unknown command 'relaod' (did you mean reload?)"},
      {{"reload", "--wiat"}, "unknown option --wiat (did you mean --wait?)"},
      {{"status", "--wait"}, "--wait is for reload scale stop only"},
      {{"reload", "--fast"}, "--fast is for stop only"},
      {{"reload", "now"}, "unexpected argument 'now'"},
      {{"scale", "4", "5"}, "unexpected argument '5'"},
      {{"scale"}, "scale: '' is not a number of workers from 1 to 512"},
      {{"scale", "0"}, "scale: '0' is not a number of workers from 1 to 512"},
      {{"scale", "+1"}, "scale: '+1' is not a number of workers from 1 to 512"},
      {{"status", "--timeout"}, "--timeout: a value is missing"},
      {{"status", "--timeout", "0"}, "--timeout: '0' is no number of seconds above 0"},
      {{"status", "--json=yes"}, "--json: it takes no value"},
  };
  for (const auto& [words, message] : cases) EXPECT_EQ(error(words), message);
  EXPECT_EQ(error({}),
            "no command given: one of status, reload, scale, reopen-logs, stop, dump-stacks");
}

TEST(CtlCommand, HelpNamesEveryCommandAndGoesBeforeEverything) {
  EXPECT_TRUE(parsed({"-h"}, {}).help);
  EXPECT_TRUE(parsed({"nonsense", "--help"}, {}).help);
  for (std::string_view name : steering_commands()) {
    EXPECT_NE(ctl_help().find("\n  " + std::string(name) + " "), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace tricorn
