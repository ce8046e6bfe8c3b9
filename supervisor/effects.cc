// The policy's effects, carried out. Each fails softly: its consequence comes back as an event.
#include "supervisor/runner.h"

namespace tricorn {

// A generation keeps the plan that it began with, whatever has been configured since.
void Runner::perform(const StartZygote& effect) {
  ZygotePlan& plan = plans_.try_emplace(effect.generation, parts_.plan).first->second;
  if (!effect.preload) plan.settings.preload = false;
  auto listener_fds = sockets_.fds();
  processes_.start_zygote(effect.generation, plan, listener_fds);
}

void Runner::perform(const StopZygote& effect) {
  processes_.stop_zygote(effect.generation, effect.how);
}

void Runner::perform(const SpawnWorker& effect) { processes_.spawn_worker(effect); }

void Runner::perform(const DrainWorker& effect) {
  auto deadline = std::chrono::ceil<std::chrono::milliseconds>(effect.deadline).count();
  processes_.send_to_worker(
      effect.worker,
      {.type = ControlType::kDrain, .value = deadline, .flag = static_cast<uint32_t>(effect.mode)});
}

void Runner::perform(const QuitWorker& effect) {
  processes_.send_to_worker(effect.worker, {.type = ControlType::kQuit});
}

void Runner::perform(const SignalWorker& effect) {
  processes_.signal_worker(effect.worker, effect.signal);
}

// Two masters can bind one port while neither listens; the second learns it here.
void Runner::perform(const StartListening&) {
  auto listening = sockets_.listen();
  if (!listening) {
    log_error("{}", listening.error().message);
    listen_failed_ = true;
    return feed(StopRequested{.fast = true});
  }
  processes_.announce_listening();
  for (const auto& url : sockets_.urls()) log_info("listening on {}", url);
}

void Runner::perform(const StopListening&) {
  handover_.stop_begins();
  sockets_.close();
}

void Runner::perform(const RolloutEnded& effect) { desk_.on_rollout_ended(effect); }

void Runner::perform(const LogLine& effect) { log_line(effect.level, effect.text); }

void Runner::perform(const ExitMaster& effect) {
  exit_code_ = listen_failed_ ? static_cast<int>(kExitFailure) : effect.code;
  processes_.kill_all();  // of what the policy has given up on
  desk_.on_exit(exit_code_);
  exiting_ = true;
  exit_if_possible();
}

// A new master that was dismissed is waited for: its end, too, belongs to the service's.
void Runner::exit_if_possible() {
  if (!exiting_ || !handover_.may_exit()) return;
  if (exit_code_ == kExitOk) exit_code_ = handover_.exit_code();
  loop_.stop();
}

}  // namespace tricorn
