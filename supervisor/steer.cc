// What operators see of the server, and can do with it, over the control socket.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "config/help.h"
#include "supervisor/runner.h"

namespace tricorn {
namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string name_of(WorkerView::State state) {
  switch (state) {
    case WorkerView::State::kBooting:
      return "booting";
    case WorkerView::State::kReady:
      return "ready";
    case WorkerView::State::kRetiring:
      return "retiring";
    case WorkerView::State::kQuitting:
      return "quitting";
    case WorkerView::State::kAborted:
      return "aborted";
    case WorkerView::State::kKilled:
      break;
  }
  return "killed";
}

WorkerStatus status_of(const WorkerView& view, const std::optional<WorkerFigures>& figures,
                       TimePoint now) {
  WorkerStatus status{.slot = view.slot,
                      .pid = view.pid,
                      .generation = view.generation,
                      .state = name_of(view.state),
                      .age_s = seconds(now - view.spawned_at)};
  if (!figures) return status;
  status.connections = figures->connections;
  status.requests_active = figures->requests_active;
  status.requests = figures->requests;
  status.bytes_sent = figures->bytes_sent;
  status.rss_bytes = figures->rss_bytes;
  if (figures->heartbeat_at) status.heartbeat_age_s = seconds(now - *figures->heartbeat_at);
  return status;
}

SlotStatus status_of(SlotId id, const SlotView& view, TimePoint now) {
  SlotStatus status{.slot = id,
                    .respawns = view.history.losses,
                    .last_exit = view.history.last_loss,
                    .retry_in_s = std::nullopt};
  if (view.retry_at) status.retry_in_s = std::max(seconds(*view.retry_at - now), 0.0);
  return status;
}

Json to_json(const WorkerStacks& stacks) {
  return Json::Object{{"slot", stacks.slot},
                      {"pid", stacks.pid},
                      {"generation", stacks.generation},
                      {"stacks", stacks.text.empty() ? Json() : Json(stacks.text)}};
}

}  // namespace

SteeringDesk::Server Runner::steered() {
  return {.status = [this] { return status_report(); },
          .reload = [this] { return reload(); },
          .feed =
              [this](Event event) {
                if (const auto* asked = std::get_if<StopRequested>(&event)) return stop(*asked);
                feed(std::move(event));
              },
          .reopen_logs = [this] { reopen_logs(); },
          .dump_stacks =
              [this](auto done) {
                stack_requests_.ask([done = std::move(done)](const auto& all) {
                  Json::Array workers;
                  for (const WorkerStacks& stacks : all) workers.push_back(to_json(stacks));
                  done(std::move(workers));
                });
              }};
}

// What fails after a hand-over (no descriptors, a folder that is away) may succeed later.
void Runner::steer(bool open) {
  constexpr auto kRetryDelay = std::chrono::seconds(1);
  steer_retry_.disarm();
  if (!open) return desk_.close();
  if (desk_.is_open() || policy_.stopping()) return;
  Result<std::optional<ListenSocket>> socket = std::exchange(parts_.control_socket, {});
  if (!*socket) socket = open_control_socket(parts_.control_path);
  if (!socket) {
    if (!std::exchange(unsteered_, true)) log_error("{}; tried again", socket.error().message);
    return steer_retry_.arm(kRetryDelay);
  }
  if (std::exchange(unsteered_, false)) log_info("the control socket is there");
  if (*socket) desk_.open(loop_, std::move(**socket));
}

StatusReport Runner::status_report() const {
  const TimePoint now = monotonic_now();
  std::string version = version_text();
  while (version.ends_with('\n')) version.pop_back();
  StatusReport report{.version = std::move(version),
                      .app = parts_.plan.settings.app,
                      .python = python_,
                      .pid = ::getpid(),
                      .uptime_s = seconds(now - started_at_),
                      .generation = policy_.serving_generation(),
                      .reloading = policy_.rolling(),
                      .stopping = policy_.stopping(),
                      .retired = policy_.retired(),
                      .listeners = sockets_.urls()};
  for (const SlotView& slot : policy_.slots()) {
    report.slots.push_back(status_of(static_cast<SlotId>(report.slots.size()), slot, now));
    report.workers_ready += slot.serves ? 1 : 0;
  }
  report.workers_wanted = static_cast<uint32_t>(report.slots.size());
  for (const WorkerView& view : policy_.workers()) {
    report.workers.push_back(status_of(view, processes_.figures(view.worker), now));
  }
  return report;
}

}  // namespace tricorn
