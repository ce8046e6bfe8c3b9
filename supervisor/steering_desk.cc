// Requests become events of the policy; what becomes of them is answered, at once or when it is
// known.
#include "supervisor/steering_desk.h"

#include <fmt/format.h>

#include <csignal>
#include <utility>

#include "common/logging.h"
#include "supervisor/steering/steering_answer.h"

namespace tricorn {
namespace {

std::string refusal_line(LineServer::Refusal why) {
  switch (why) {
    case LineServer::Refusal::kBusy:
      return error_answer(steering_error::kBusy, "too many operators at once; try again").dump();
    case LineServer::Refusal::kForbidden:
      return error_answer(steering_error::kForbidden,
                          "only the server's own user and root may steer it")
          .dump();
    case LineServer::Refusal::kTooLong:
      break;
  }
  return error_answer(steering_error::kBadRequest, "the request is too long").dump();
}

}  // namespace

Result<std::optional<ListenSocket>> open_control_socket(const std::string& path) {
  if (path.empty()) return std::nullopt;
  constexpr uint32_t kOwnerOnly = 0600;
  constexpr uint32_t kBacklog = 128;
  const auto failed = [](const Error& error) {
    return fail("--control-socket: " + error.message, error.sys_errno);
  };
  auto socket = ListenSocket::bind_unix(path, kOwnerOnly);
  if (!socket) return failed(socket.error());
  if (auto listening = socket->listen(kBacklog); !listening) return failed(listening.error());
  return std::move(*socket);
}

void SteeringDesk::open(EventLoop& loop, ListenSocket socket) {
  LineServer::Handler handler{
      .on_line = [this](ClientId client, const std::string& line) { on_line(client, line); },
      .on_gone = [this](ClientId client) { waits_.forget(client); },
      .refusal = refusal_line};
  clients_ = std::make_unique<LineServer>(loop, std::move(socket), LineServer::Limits{},
                                          std::move(handler));
}

void SteeringDesk::close() {
  clients_.reset();
  waits_ = {};
}

void SteeringDesk::on_line(ClientId client, const std::string& line) {
  auto request = parse_steering_request(line);
  if (!request) {
    return answer(client, error_answer(steering_error::kBadRequest, request.error().message));
  }
  log_debug("asked over the control socket: {}", to_line(*request));
  obey(client, *request);
}

void SteeringDesk::obey(ClientId client, const SteeringRequest& request) {
  switch (request.command) {
    case SteeringRequest::Command::kStatus:
      return answer(client, ok_answer({{"status", status()}}));
    case SteeringRequest::Command::kReload:
      return reload(client, request.wait);
    case SteeringRequest::Command::kScale:
      return scale(client, request.workers, request.wait);
    case SteeringRequest::Command::kReopenLogs:
      server_.reopen_logs();
      return answer(client, ok_answer());
    case SteeringRequest::Command::kStop:
      return stop(client, request.fast, request.wait);
    case SteeringRequest::Command::kDumpStacks:
      return server_.dump_stacks([this, client](Json::Array workers) {
        answer(client, ok_answer({{"workers", std::move(workers)}}));
      });
  }
}

// The wait begins before the reload does: it may end before this returns.
void SteeringDesk::reload(ClientId client, bool wait) {
  const auto generation = policy_.next_reload();
  if (!generation) {
    return answer(client,
                  error_answer(steering_error::kStopping, "not reloaded: the server is stopping"));
  }
  const bool another = policy_.rolling();
  if (wait) waits_.for_rollout(client, *generation);
  auto accepted = server_.reload();
  if (!accepted) {
    waits_.forget(client);
    return answer(client,
                  error_answer(steering_error::kRefused,
                               "not reloaded, the workers serve on: " + accepted.error().message));
  }
  if (!wait) answer(client, ok_answer({{"generation", *generation}, {"queued", another}}));
}

void SteeringDesk::scale(ClientId client, uint32_t workers, bool wait) {
  if (policy_.stopping()) {
    return answer(client,
                  error_answer(steering_error::kStopping, "not scaled: the server is stopping"));
  }
  if (wait) waits_.for_scale(client, policy_, workers);
  server_.feed(ScaleTo{workers});
  if (!wait) answer(client, ok_answer({{"workers", workers}}));
}

// As the signals do it, down to the exit code.
void SteeringDesk::stop(ClientId client, bool fast, bool wait) {
  if (!wait) {
    answer(client, ok_answer());
  } else if (exit_code_) {
    answer(client, answer_to_exit(*exit_code_));
  } else {
    waits_.for_exit(client);
  }
  server_.feed(StopRequested{.fast = fast, .signal = fast ? SIGQUIT : SIGTERM});
}

Json SteeringDesk::status() const {
  StatusReport report = server_.status();
  if (last_reload_) {
    report.last_reload = last_reload_->status;
    report.last_reload->age_s =
        std::chrono::duration<double>(monotonic_now() - last_reload_->at).count();
  }
  return to_json(report);
}

void SteeringDesk::on_rollout_ended(const RolloutEnded& ended) {
  last_reload_ = {{.generation = ended.generation,
                   .outcome = std::string(name_of(ended.outcome)),
                   .reason = ended.reason},
                  monotonic_now()};
  answer_all(waits_.on(ended, policy_.slots().size()));
}

void SteeringDesk::on_reload_refused(const std::string& reason) {
  last_reload_ = {{.outcome = "refused", .reason = reason}, monotonic_now()};
}

void SteeringDesk::on_change() { answer_all(waits_.on_change(policy_)); }

void SteeringDesk::on_exit(int code) {
  exit_code_ = code;
  answer_all(waits_.on_exit(code));
}

void SteeringDesk::answer(ClientId client, const Json& answer) {
  if (clients_) clients_->answer(client, answer.dump());
}

void SteeringDesk::answer_all(const SteeringWaits::Answers& answers) {
  for (const auto& [client, text] : answers) answer(client, text);
}

}  // namespace tricorn
