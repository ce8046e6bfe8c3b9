// The loop around the policy: events in, effects out, one timer for all deadlines.
#include "supervisor/runner.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "config/help.h"
#include "supervisor/banner.h"

namespace tricorn {
namespace {

// The exit of a process that the kernel kills for its memory follows within this time, or twice it.
constexpr Duration kOomClaimTime = std::chrono::seconds(10);

}  // namespace

Result<std::unique_ptr<Runner>> Runner::create(EventLoop& loop, Scoreboard& scoreboard,
                                               BindSockets sockets, Notifier notifier,
                                               Parts parts) {
  auto subreaper = become_subreaper();
  if (!subreaper) return pass_on(subreaper);
  std::unique_ptr<Runner> runner(
      new Runner(loop, scoreboard, std::move(sockets), std::move(notifier), std::move(parts)));
  auto signals =
      SignalSource::create(loop, [self = runner.get()](int signal) { self->on_signal(signal); });
  if (!signals) return pass_on(signals);
  runner->signals_ = std::move(*signals);
  return runner;
}

Runner::Runner(EventLoop& loop, Scoreboard& scoreboard, BindSockets sockets, Notifier notifier,
               Parts parts)
    : loop_(loop),
      scoreboard_(scoreboard),
      parts_(std::move(parts)),
      sockets_(std::move(sockets)),
      status_(std::move(notifier)),
      policy_(parts_.policy, parts_.jitter_seed),
      heartbeats_(parts_.heartbeat_limit),
      rss_(parts_.rss_limit),
      oom_kills_(parts_.cgroup_root),
      processes_(
          loop, scoreboard, parts_.launch,
          {.on_event = [this](Event event) { feed(with_cause(std::move(event))); },
           .on_python = [this](Generation, const std::string& python) { show_banner(python); },
           .claims = [this](const ReapedChild& child) { return handover_.claims(child); },
           .on_stacks =
               [this](WorkerStacks stacks) { stack_requests_.answered(std::move(stacks)); }}),
      stack_requests_(loop, processes_),
      handover_(loop, std::move(parts_.handover),
                {.sockets = sockets_,
                 .status = status_,
                 .control_path = parts_.control_path,
                 .feed = [this](Event event) { feed(std::move(event)); },
                 .reload = [this] { (void)reload(); },
                 .steer = [this](bool open) { steer(open); }},
                parts_.policy.canary_window),
      desk_(policy_, steered()),
      deadline_(loop, [this] { feed(Tick{}); }),
      steer_retry_(loop, [this] { steer(true); }),
      heartbeat_timer_(loop, [this] { check_heartbeats(); }),
      rss_timer_(loop, [this] { check_rss(); }),
      oom_timer_(loop, [this] { oom_kills_.expire(); }),
      watchdog_timer_(loop, [this] { status_.watchdog(); }) {}

int Runner::run() {
  if (heartbeats_.active()) heartbeat_timer_.every(heartbeats_.period());
  if (rss_.active()) rss_timer_.every(rss_.period());
  oom_timer_.every(kOomClaimTime);
  if (auto interval = status_.watchdog_interval()) watchdog_timer_.every(*interval);
  if (!handover_.candidate()) steer(true);
  feed(Started{});
  loop_.run();
  return exit_code_;
}

// An effect may cause an event at once; it waits until the effects before it are done.
void Runner::feed(Event event) {
  inbox_.push_back(std::move(event));
  if (feeding_) return;
  feeding_ = true;
  while (!inbox_.empty()) {
    Event next = std::move(inbox_.front());
    inbox_.pop_front();
    for (const Effect& effect : policy_.on(monotonic_now(), next)) {
      std::visit([this](const auto& decided) { perform(decided); }, effect);
    }
  }
  feeding_ = false;
  forget_old_plans();
  rearm_timer();
  scoreboard_.layout().stopping.store(policy_.stopping(), std::memory_order_relaxed);
  handover_.update(policy_);
  status_.update(policy_);
  desk_.on_change();
}

// Zygotes are started for two generations only: the serving one, and the newest, which a reload may
// be rolling out.
void Runner::forget_old_plans() {
  std::erase_if(plans_, [&](const auto& entry) {
    Generation generation = entry.first;
    return generation != policy_.serving_generation() && generation != plans_.rbegin()->first;
  });
}

void Runner::rearm_timer() {
  auto deadline = policy_.next_deadline();
  if (deadline) {
    deadline_.arm(*deadline - monotonic_now());
  } else {
    deadline_.disarm();
  }
}

void Runner::check_heartbeats() {
  auto beats = processes_.heartbeats();
  for (WorkerHung& hung : heartbeats_.check(monotonic_now(), beats)) feed(std::move(hung));
}

void Runner::check_rss() {
  auto samples = processes_.rss_samples();
  for (WorkerRetireWish& wish : rss_.check(samples)) feed(std::move(wish));
}

// What only the system knows of an exit.
Event Runner::with_cause(Event event) {
  auto* exited = std::get_if<WorkerExited>(&event);
  if (exited != nullptr && exited->status.signal == SIGKILL && oom_kills_.claim()) {
    exited->oom_cgroup = oom_kills_.cgroup();
  }
  return event;
}

void Runner::show_banner(const std::string& python) {
  python_ = python;
  if (std::exchange(banner_shown_, true)) return;
  const WorkerSettings& settings = parts_.plan.settings;
  std::string program = version_text();
  while (program.ends_with('\n')) program.pop_back();
  BannerFacts facts{.program = std::move(program),
                    .app = settings.app,
                    .python = python,
                    .workers = parts_.policy.workers,
                    .urls = sockets_.urls()};
  bool for_a_person = settings.log_format == LogFormat::kText &&
                      settings.use_colors != UseColors::kNever && ::isatty(STDERR_FILENO);
  if (for_a_person && log_enabled(LogLevel::kInfo)) {
    std::fputs(banner_for_terminal(facts).c_str(), stderr);
  } else {
    log_info("{}", banner_line(facts));
  }
}

}  // namespace tricorn
