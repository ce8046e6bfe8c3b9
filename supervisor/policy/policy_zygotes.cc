// What zygotes report, and which of them are needed.
#include "supervisor/policy/policy_state.h"

namespace tricorn {

void Policy::State::handle(Turn& turn, const ZygoteReady& event) {
  Zygote* zygote = zygotes_.find(event.generation);
  if (zygote == nullptr || zygote->state != Zygote::State::kStarting) return;
  zygotes_.set_ready(turn, *zygote);
  turn.log(LogLevel::kDebug, "zygote of generation {} ready", event.generation);
  if (rollout_.rolls_to(event.generation)) {
    rollout_.zygote_ready();
    for (WorkerSlot& slot : slots_)
      slot.replace_at = turn.now;  // waits of the old code do not hold up the new
  }
}

void Policy::State::handle(Turn& turn, const ZygoteFailed& event) {
  Zygote* zygote = zygotes_.find(event.generation);
  if (zygote == nullptr || zygote->state != Zygote::State::kStarting) return;
  zygotes_.stop(turn, *zygote);
  zygote_lost(turn, *zygote,
              {"could not load the app", event.failure.text, static_cast<int>(event.failure.kind)});
}

// Another one takes its place, from which each worker imports the app for itself.
void Policy::State::handle(Turn& turn, const ZygoteHasThreads& event) {
  Zygote* zygote = zygotes_.find(event.generation);
  if (zygote == nullptr || zygote->state != Zygote::State::kStarting) return;
  turn.log(
      LogLevel::kWarning,
      "--preload: importing the app started threads ({}), which forked workers would not have; "
      "so each worker of generation {} imports the app itself. Start threads in lifespan "
      "startup, or serve without --preload",
      event.names, event.generation);
  zygotes_.give_way(turn, *zygote);
}

void Policy::State::handle(Turn& turn, const ZygoteExited& event) {
  Zygote* zygote = zygotes_.find(event.generation);
  if (zygote == nullptr || zygote->state == Zygote::State::kDown) return;
  drop_unreported_spawns(turn, event.generation);
  if (zygote->serving()) zygote_lost(turn, *zygote, {describe_end(event.status), "", kExitFailure});
  if (zygote_needed(event.generation)) {
    zygotes_.set_down(turn, *zygote, jitter_);
  } else {
    zygotes_.forget(event.generation);
  }
}

// The orders died with the zygote. Should one have been carried out unseen, that worker finds the
// word to quit in its socket, or is killed when it is reported late. The slots are filled as soon
// as there is a zygote again.
void Policy::State::drop_unreported_spawns(Turn& turn, Generation generation) {
  for (const WorkerId id : workers_.ids()) {
    Worker& worker = *workers_.find(id);
    if (worker.generation != generation || worker.pid || worker.ready_at) continue;
    workers_.quit(turn, worker);
    if (in_motion(worker)) {
      slots_[worker.slot].motion.reset();
    } else if (worker.slot < slots_.size() && slots_[worker.slot].current == id) {
      slots_[worker.slot].current.reset();
      slots_[worker.slot].respawn_at = turn.now;
    }
    workers_.forget(id);
  }
}

// Workers live on without their zygote; only what was to come from it is affected.
void Policy::State::zygote_lost(Turn& turn, const Zygote& zygote, const Loss& loss) {
  const std::string who = fmt::format("zygote of generation {}", zygote.generation);
  if (phase_ == Phase::kFirstBoot) return fail_first_boot(turn, who, loss);
  if (rollout_.rolls_to(zygote.generation))
    return abort_roll(turn, who + " " + loss.what, loss.traceback);
  if (!zygote_needed(zygote.generation)) return;
  log_crash(turn, zygote.backoff, LogLevel::kError,
            fmt::format("{} {}; the workers serve on, starting another{}", who, loss.what,
                        below(loss.traceback)));
}

void Policy::State::zygote_expired(Turn& turn, Generation generation) {
  Zygote* zygote = zygotes_.find(generation);
  if (zygote == nullptr || !zygote->deadline || *zygote->deadline > turn.now) return;
  switch (zygote->state) {
    case Zygote::State::kReady:
      return;
    case Zygote::State::kDown:
      return zygotes_.start(turn, generation);
    case Zygote::State::kStarting:
      zygotes_.abort(turn, *zygote);
      return zygote_lost(turn, *zygote, {"not ready in time", "", kExitAppStart});
    case Zygote::State::kStopping:
      return zygotes_.kill(turn, *zygote);
    case Zygote::State::kKilled:
      // It outlives SIGKILL in an uninterruptible call. One that is needed is waited for: two of a
      // generation cannot be.
      if (zygote_needed(generation)) return zygotes_.kill(turn, *zygote);
      drop_unreported_spawns(turn, generation);
      return zygotes_.forget(generation);
  }
}

bool Policy::State::zygote_needed(Generation generation) const {
  if (stopping()) return false;
  return generation == serving_generation_ || rollout_.rolls_to(generation);
}

void Policy::State::stop_needless_zygotes(Turn& turn) {
  for (const Generation generation : zygotes_.generations()) {
    if (zygote_needed(generation)) continue;
    Zygote& zygote = *zygotes_.find(generation);
    if (zygote.state == Zygote::State::kDown) {
      zygotes_.forget(generation);
    } else if (!workers_.has_unreported_spawn(generation)) {
      zygotes_.stop(turn, zygote);
    }
  }
}

}  // namespace tricorn
