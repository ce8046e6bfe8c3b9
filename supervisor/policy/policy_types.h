// The vocabulary of supervision: what can happen (Event) and what can be done about it (Effect). Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "common/clock.h"
#include "common/control_message.h"
#include "common/logging.h"

namespace tricorn {

using SlotId = uint32_t;      // 0..N-1, stable: a replaced worker takes over its predecessor's slot
using Generation = uint32_t;  // counts zygotes: 1 at start, +1 at every reload
using WorkerId = uint64_t;    // one worker process; never reused

struct ExitStatus {
  int code = 0;    // when signal == 0
  int signal = 0;  // the signal that killed it, else 0
  bool operator==(const ExitStatus&) const = default;
};
// "exit code 3", "signal 9 (SIGKILL)"
std::string describe(const ExitStatus& status);
// The same as what happened: "ended with exit code 3", "killed by signal 9 (SIGKILL)"
std::string describe_end(const ExitStatus& status);

struct BootFailure {
  BootFailureKind kind = BootFailureKind::kStart;
  std::string text;  // message and traceback, shown once
  bool operator==(const BootFailure&) const = default;
};

// What a shell reports for it, and a container runtime: the exit code, or 128 + the signal.
int shell_code(const ExitStatus& status);

// Process exit codes of the master (documented in docs/supervision.md).
enum ExitCode : int { kExitOk = 0, kExitFailure = 1, kExitUsage = 2, kExitAppStart = 3, kExitAppImport = 4 };

// --- events -----------------------------------------------------------------------------------------------------
struct Started {};                                  // once, first
struct ReloadRequested {};                          // SIGHUP
// TERM, INT (fast false); QUIT (fast true). `replaced`: another master serves, so that clients may come back to it.
// `at_once`: without the shutdown delay.
struct StopRequested { bool fast = false; int signal = 0; bool replaced = false; bool at_once = false; };
struct ScaleRequested { int delta = 0; };           // TTIN +1, TTOU -1
struct ScaleTo { uint32_t workers = 1; };           // so many, whatever there were
struct RetireAllRequested {};                       // WINCH: workers go, the master stays
struct BringBackRequested {};                       // undoes it
struct ZygoteReady { Generation generation = 0; };
struct ZygoteFailed { Generation generation = 0; BootFailure failure; };  // preload: the app could not be imported
struct ZygoteHasThreads { Generation generation = 0; std::string names; };  // preload: forks would miss them
struct ZygoteExited { Generation generation = 0; ExitStatus status; };  // a spawn not reported by now is ordered anew
struct WorkerSpawned { WorkerId worker = 0; int32_t pid = 0; };
struct WorkerSpawnFailed { WorkerId worker = 0; int sys_errno = 0; };     // fork failed: retried with backoff
struct WorkerReady { WorkerId worker = 0; };
struct WorkerBootFailed { WorkerId worker = 0; BootFailure failure; };    // its exit follows
// `oom_cgroup`: that of the master, if it has counted an OOM kill that no other exit explains; else "".
struct WorkerExited { WorkerId worker = 0; ExitStatus status; std::string oom_cgroup = {}; };
struct WorkerRetireWish { WorkerId worker = 0; std::string reason; };     // its requests, its memory: it is to be replaced
struct WorkerHung { WorkerId worker = 0; Duration silent_for{}; };        // no heartbeat for longer than the limit
struct Tick {};                                     // next_deadline() has passed

using Event = std::variant<Started, ReloadRequested, StopRequested, ScaleRequested, ScaleTo, RetireAllRequested,
                           BringBackRequested, ZygoteReady, ZygoteFailed, ZygoteHasThreads, ZygoteExited, WorkerSpawned,
                           WorkerSpawnFailed, WorkerReady, WorkerBootFailed, WorkerExited, WorkerRetireWish, WorkerHung,
                           Tick>;

// --- effects ----------------------------------------------------------------------------------------------------
struct StartZygote { Generation generation = 0; bool preload = true; };  // false: not even if so configured
enum class ZygoteStop { kClose, kAbort, kKill };    // close its socket; SIGABRT: it tells its stacks; SIGKILL
struct StopZygote { Generation generation = 0; ZygoteStop how = ZygoteStop::kClose; };
struct SpawnWorker { WorkerId worker = 0; SlotId slot = 0; Generation generation = 0; };
struct DrainWorker { WorkerId worker = 0; DrainMode mode = DrainMode::kRetire; Duration deadline{}; };
// Fast: no drain, but lifespan shutdown still runs. May name a worker whose spawn was not reported yet: the message
// then waits in its control socket.
struct QuitWorker { WorkerId worker = 0; };
struct SignalWorker { WorkerId worker = 0; int signal = 0; };
struct StartListening {};                           // the first worker is ready: listen() on all sockets
struct StopListening {};                            // close the listeners
enum class RolloutOutcome : uint8_t { kCompleted, kAborted, kCancelled };
// The end of a reload, once for each generation that Policy::next_reload() promised to somebody who then asked for it.
// A reload that was asked for and never began ends as well: cancelled.
struct RolloutEnded {
  Generation generation = 0;  // the new one
  RolloutOutcome outcome = RolloutOutcome::kCompleted;
  std::string reason;     // why it was not completed: "worker 0 (pid 43) could not start the app"
  std::string traceback;  // "" when there is none
};
struct LogLine { LogLevel level = LogLevel::kInfo; std::string text; };
struct ExitMaster { int code = 0; };                // always the last effect

using Effect = std::variant<StartZygote, StopZygote, SpawnWorker, DrainWorker, QuitWorker, SignalWorker, StartListening,
                            StopListening, RolloutEnded, LogLine, ExitMaster>;

}  // namespace tricorn
