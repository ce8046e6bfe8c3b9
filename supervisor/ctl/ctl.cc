// One question, one answer, one exit code.
#include "supervisor/ctl/ctl.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string_view>

#include "supervisor/ctl/command.h"
#include "supervisor/ctl/connection.h"
#include "supervisor/ctl/output.h"
#include "supervisor/steering/status_report.h"
#include "supervisor/steering/steering_answer.h"

namespace tricorn {
namespace {

struct Outcome {
  int exit_code;
  Json answer;  // what the server said, or what we say in its place
};

void write(std::FILE* stream, const std::string& text) { std::fputs(text.c_str(), stream); }

Outcome no_answer(const Error& error) {
  if (error.sys_errno == ETIMEDOUT) return {kCtlTimeout, error_answer("timeout", error.message)};
  return {kCtlNoServer, error_answer("no-server", error.message)};
}

Outcome judge(const CtlCommand& command, Json answer) {
  if (!answer["ok"].boolean()) {
    return no_answer({.message = "what answers at " + command.socket_path + " is no tricorn"});
  }
  if (!*answer["ok"].boolean()) return {kCtlFailed, std::move(answer)};
  const bool serves = !command.must_serve || status_report_from(answer["status"]).serves();
  return {serves ? kCtlDone : kCtlFailed, std::move(answer)};
}

Outcome ask(const CtlCommand& command) {
  std::optional<TimePoint> deadline;
  if (command.patience) deadline = monotonic_now() + *command.patience;
  auto connection = CtlConnection::open(command.socket_path);
  if (!connection) return no_answer(connection.error());
  auto line = connection->ask(to_line(command.request), deadline);
  if (!line) return no_answer(line.error());
  auto answer = Json::parse(*line);
  Outcome outcome = judge(command, answer ? std::move(*answer) : Json());
  const bool stops = command.request.command == SteeringRequest::Command::kStop;
  if (stops && outcome.answer["exit_code"].integer()) {  // it says so just before it ends
    if (auto gone = connection->await_exit(deadline); !gone) return no_answer(gone.error());
  }
  return outcome;
}

bool wants_colors(const Environment& environment) {
  const auto value = [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string_view() : std::string_view(found->second);
  };
  return ::isatty(STDOUT_FILENO) != 0 && value("NO_COLOR").empty() && value("TERM") != "dumb";
}

void show(const CtlCommand& command, const Outcome& outcome, bool colored) {
  if (command.json) return write(stdout, outcome.answer.dump() + "\n");
  if (!outcome.answer["ok"].boolean().value_or(false)) {
    return write(stderr, "tricorn ctl: " + failure_text(outcome.answer));
  }
  write(stdout, text_of(command.request, outcome.answer, colored));
  if (outcome.exit_code != kCtlDone) write(stderr, "tricorn ctl: not ready\n");
}

}  // namespace

bool asks_for_ctl(int argc, const char* const* argv) {
  return argc > 1 && std::string_view(argv[1]) == "ctl";
}

int run_ctl(int argc, const char* const* argv, const Environment& environment) {
  auto command = parse_ctl_command({argv + 2, argv + argc}, environment);
  if (!command) {
    write(stderr, "tricorn ctl: error: " + command.error().message + "\n");
    return kCtlUsage;
  }
  if (command->help) {
    write(stdout, ctl_help());
    return kCtlDone;
  }
  const Outcome outcome = ask(*command);
  show(*command, outcome, wants_colors(environment));
  return outcome.exit_code;
}

}  // namespace tricorn
