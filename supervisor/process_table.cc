// Starting, ordering and hearing children. What each message means is decided by the policy.
#include "supervisor/process_table.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <csignal>

#include "common/syscall.h"
#include "supervisor/os/process_memory.h"

namespace tricorn {
namespace {

Result<> add_duplicate(ControlMessage& message, int fd) {
  auto copy = sys("dup", "", [&] { return ::fcntl(fd, F_DUPFD_CLOEXEC, 0); });
  if (!copy) return pass_on(copy);
  message.fds.emplace_back(*copy);
  return {};
}

Result<ControlMessage> setup_message(Generation generation, const WorkerSettings& settings,
                                     int scoreboard_fd, std::span<const int> listener_fds) {
  ControlMessage setup{
      .type = ControlType::kSetup, .generation = generation, .text = encode(settings)};
  auto added = add_duplicate(setup, scoreboard_fd);
  for (int fd : listener_fds) {
    if (added) added = add_duplicate(setup, fd);
  }
  if (!added) return pass_on(added);
  return setup;
}

BootFailure boot_failure_in(ControlMessage& message) {
  bool import = message.value == static_cast<int64_t>(BootFailureKind::kImport);
  return {.kind = import ? BootFailureKind::kImport : BootFailureKind::kStart,
          .text = std::move(message.text)};
}

WorkerStacks owned_by(const WorkerProcess& worker) {
  return {.worker = worker.id,
          .slot = worker.slot,
          .generation = worker.generation,
          .pid = worker.process.pid(),
          .text = {}};
}

}  // namespace

ProcessTable::ProcessTable(EventLoop& loop, Scoreboard& scoreboard, ZygoteLauncher launch,
                           Observer observer)
    : loop_(loop),
      scoreboard_(scoreboard),
      boards_(scoreboard),
      launch_(std::move(launch)),
      observer_(std::move(observer)) {}

void ProcessTable::start_zygote(Generation generation, const ZygotePlan& plan,
                                std::span<const int> listener_fds) {
  auto started = try_start_zygote(generation, plan, listener_fds);
  if (started) return;
  log_error("cannot start zygote gen {}: {}", generation, started.error().message);
  observer_.on_event(ZygoteExited{.generation = generation, .status = {.code = kExitFailure}});
}

Result<> ProcessTable::try_start_zygote(Generation generation, const ZygotePlan& plan,
                                        std::span<const int> listener_fds) {
  auto pair = make_control_pair();
  if (!pair) return pass_on(pair);
  auto& [own_end, zygote_end] = *pair;
  auto setup = setup_message(generation, plan.settings, scoreboard_.fd(), listener_fds);
  if (!setup) return pass_on(setup);
  auto zygote = std::make_unique<ZygoteProcess>(generation, std::move(own_end));
  auto sent = zygote->channel.send(*setup);  // waits in the socket until the zygote can read
  if (!sent) return sent;
  auto pid = launch_(plan, zygote_end.get());
  if (!pid) return pass_on(pid);
  log_debug("zygote gen {} (pid {}) started", generation, *pid);
  zygote->process.set(*pid);
  zygote->channel.start(loop_, {.on_message =
                                    [this, generation](ControlMessage message) {
                                      on_zygote_message(generation, std::move(message));
                                    },
                                .on_closed = [this, generation] { on_zygote_closed(generation); }});
  if (zygotes_.contains(generation)) bury_zygote(generation);  // its dead predecessor
  zygotes_[generation] = std::move(zygote);
  return {};
}

void ProcessTable::stop_zygote(Generation generation, ZygoteStop how) {
  auto found = zygotes_.find(generation);
  if (found == zygotes_.end()) return;
  found->second->channel.close_sending();
  if (how == ZygoteStop::kAbort) found->second->process.signal(SIGABRT);
  if (how == ZygoteStop::kKill) found->second->process.signal(SIGKILL);
}

void ProcessTable::spawn_worker(const SpawnWorker& order) {
  auto ordered = try_spawn_worker(order);
  if (ordered) return;
  log_debug("worker {} cannot be spawned: {}", order.slot, ordered.error().message);
  observer_.on_event(
      WorkerSpawnFailed{.worker = order.worker, .sys_errno = ordered.error().sys_errno});
}

Result<> ProcessTable::try_spawn_worker(const SpawnWorker& order) {
  auto zygote = zygotes_.find(order.generation);
  if (zygote == zygotes_.end()) return fail("its zygote is gone", ESRCH);
  auto pair = make_control_pair();
  if (!pair) return pass_on(pair);
  auto board = boards_.acquire(order.slot, order.generation);
  if (!board) return fail("the scoreboard is full", EAGAIN);
  auto& [own_end, worker_end] = *pair;
  ControlMessage spawn{.type = ControlType::kSpawn,
                       .slot = order.slot,
                       .generation = order.generation,
                       .board = *board,
                       .worker = order.worker};
  spawn.fds.push_back(std::move(worker_end));
  auto sent = zygote->second->channel.send(spawn);
  if (!sent) {
    boards_.release(*board);
    return sent;
  }
  workers_[order.worker] = std::make_unique<WorkerProcess>(order, *board, std::move(own_end));
  return {};
}

void ProcessTable::signal_worker(WorkerId id, int signal) {
  auto found = workers_.find(id);
  if (found != workers_.end()) found->second->process.signal(signal);
}

void ProcessTable::send_to_worker(WorkerId id, const ControlMessage& message) {
  auto found = workers_.find(id);
  if (found == workers_.end()) return;
  auto sent = found->second->channel.send(message);
  if (!sent) log_debug("worker {}: {}", found->second->slot, sent.error().message);
}

void ProcessTable::send_to_workers(const ControlMessage& message) {
  for (const auto& [id, worker] : workers_) send_to_worker(id, message);
}

void ProcessTable::announce_listening() {
  listening_ = true;
  for (const auto& [id, worker] : workers_) {
    if (worker->ready) tell_listening(*worker);
  }
}

void ProcessTable::tell_listening(WorkerProcess& worker) {
  if (std::exchange(worker.told_listening, true)) return;
  send_to_worker(worker.id, {.type = ControlType::kListening});
}

std::vector<WorkerStacks> ProcessTable::stack_owners() const {
  std::vector<WorkerStacks> owners;
  for (const auto& [id, worker] : workers_) {
    if (worker->process.pid() != 0) owners.push_back(owned_by(*worker));
  }
  return owners;
}

void ProcessTable::ask_stacks(WorkerId worker, bool interrupt) {
  if (interrupt) return signal_worker(worker, stacks_signal());
  send_to_worker(worker, {.type = ControlType::kDumpStacks});
}

void ProcessTable::on_stacks(WorkerStacks owner, ControlMessage message) {
  if (message.flag == static_cast<uint32_t>(StacksReason::kAborted)) {
    return log_last_words(fmt::format("worker {} (pid {})", owner.slot, owner.pid), message);
  }
  owner.text = std::move(message.text);
  if (observer_.on_stacks) observer_.on_stacks(std::move(owner));
}

void ProcessTable::log_last_words(const std::string& who, const ControlMessage& stacks) const {
  log_event(LogLevel::kError, who + " was aborted; its threads were here:", {}, stacks.text);
}

void ProcessTable::on_zygote_message(Generation generation, ControlMessage message) {
  switch (message.type) {
    case ControlType::kZygoteReady:
      observer_.on_python(generation, message.text);
      return observer_.on_event(ZygoteReady{.generation = generation});
    case ControlType::kBootFailed:
      return observer_.on_event(
          ZygoteFailed{.generation = generation, .failure = boot_failure_in(message)});
    case ControlType::kHasThreads:
      return observer_.on_event(
          ZygoteHasThreads{.generation = generation, .names = std::move(message.text)});
    case ControlType::kSpawned:
      return on_spawned(message.worker, static_cast<pid_t>(message.value));
    case ControlType::kSpawnFailed:
      return on_spawn_failed(message.worker, static_cast<int>(message.value));
    case ControlType::kStacks:
      return log_last_words(fmt::format("zygote of generation {}", generation), message);
    default:
      log_debug("zygote gen {}: unexpected control message {}", generation,
                static_cast<int>(message.type));
  }
}

void ProcessTable::on_spawned(WorkerId id, pid_t pid) {
  auto found = workers_.find(id);
  if (found == workers_.end()) return;
  WorkerProcess& worker = *found->second;
  auto exited = unclaimed_.extract(pid);
  if (exited.empty()) worker.process.set(pid);
  worker.channel.start(
      loop_, {.on_message =
                  [this, id](ControlMessage message) { on_worker_message(id, std::move(message)); },
              .on_closed = [] {}});  // its exit follows
  observer_.on_event(WorkerSpawned{.worker = id, .pid = pid});
  if (!exited.empty() && workers_.contains(id)) {
    report_worker_exit(id, {.code = exited.mapped().code, .signal = exited.mapped().signal});
  }
}

void ProcessTable::on_spawn_failed(WorkerId id, int sys_errno) {
  auto found = workers_.find(id);
  if (found == workers_.end()) return;
  boards_.release(found->second->board);
  workers_.erase(found);
  observer_.on_event(WorkerSpawnFailed{.worker = id, .sys_errno = sys_errno});
}

void ProcessTable::on_worker_message(WorkerId id, ControlMessage message) {
  WorkerProcess& worker = *workers_.at(id);
  switch (message.type) {
    case ControlType::kReady:
      worker.ready = true;
      observer_.on_event(WorkerReady{.worker = id});
      if (listening_) tell_listening(worker);
      return;
    case ControlType::kBootFailed:
      return observer_.on_event(
          WorkerBootFailed{.worker = id, .failure = boot_failure_in(message)});
    case ControlType::kRetireMe:
      return observer_.on_event(WorkerRetireWish{.worker = id, .reason = std::move(message.text)});
    case ControlType::kStacks:
      return on_stacks(owned_by(worker), std::move(message));
    default:
      log_debug("worker {}: unexpected control message {}", worker.slot,
                static_cast<int>(message.type));
  }
}

void ProcessTable::kill_all() {
  for (const auto& [generation, zygote] : zygotes_) zygote->process.signal(SIGKILL);
  for (const auto& [id, worker] : workers_) worker->process.signal(SIGKILL);
}

std::vector<Heartbeat> ProcessTable::heartbeats() const {
  std::vector<Heartbeat> beats;
  for (const auto& [id, worker] : workers_) {
    auto at_ns = scoreboard_.block(worker->board).heartbeat_ns.load(std::memory_order_relaxed);
    if (!worker->ready || at_ns == 0) continue;
    beats.push_back({.worker = id, .at = TimePoint(std::chrono::nanoseconds(at_ns))});
  }
  return beats;
}

std::vector<RssSample> ProcessTable::rss_samples() const {
  std::vector<RssSample> samples;
  for (const auto& [id, worker] : workers_) {
    if (!worker->ready) continue;
    if (auto bytes = resident_bytes(worker->process.pid())) samples.push_back({id, *bytes});
  }
  return samples;
}

std::optional<WorkerFigures> ProcessTable::figures(WorkerId id) const {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return std::nullopt;
  const WorkerProcess& worker = *found->second;
  const WorkerBlock& block = scoreboard_.block(worker.board);
  constexpr auto kRelaxed = std::memory_order_relaxed;
  WorkerFigures figures{.connections = block.connections.load(kRelaxed),
                        .requests_active = block.requests_active.load(kRelaxed),
                        .requests = block.requests.load(kRelaxed),
                        .bytes_sent = block.bytes_sent.load(kRelaxed)};
  if (worker.process.pid() != 0) figures.rss_bytes = resident_bytes(worker.process.pid());
  const uint64_t beat_ns = block.heartbeat_ns.load(kRelaxed);
  if (beat_ns != 0) figures.heartbeat_at = TimePoint(std::chrono::nanoseconds(beat_ns));
  return figures;
}

}  // namespace tricorn
