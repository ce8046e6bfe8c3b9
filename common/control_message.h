// Messages between master, zygote and workers: one SOCK_SEQPACKET datagram each, so a message is whole or absent.
//
//   master → zygote   kSetup (generation; text: encoded WorkerSettings; fds: scoreboard, then every listener in settings order)
//                     kSpawn (slot, generation, worker, board; fds: the worker's end of its control socket)
//   zygote → master   kZygoteReady (text: "Python 3.11.2, /usr/bin/python3"), kSpawned (worker, value: pid),
//                     kHasThreads (in place of kZygoteReady; text: their names; workers must not be forked from it),
//                     kSpawnFailed (worker, value: errno), kBootFailed (value: BootFailureKind, text: traceback),
//                     kStacks (as below)
//   master → worker   kListening (the listeners listen: accept; once, after kReady), kQuit, kReopenLogs,
//                     kDrain (value: deadline in ms, flag: DrainMode), kDumpStacks (answer with kStacks)
//   worker → master   kReady, kBootFailed (as above), kRetireMe (text: reason),
//                     kStacks (flag: StacksReason, text: the Python stacks of all threads)
//
// A worker whose loop does not turn does not read kDumpStacks: stacks_signal() asks it as well, and is answered by the
// signal handler, whatever the process is doing. SIGABRT is answered in the same way before the process dies of it.
// End of file on either side means that the peer died.
#pragma once

#include <array>
#include <csignal>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/passed_fds.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace tricorn {

enum class ControlType : uint16_t {
  kSetup = 1,
  kSpawn,
  kZygoteReady,
  kSpawned,
  kSpawnFailed,
  kBootFailed,
  kDrain,
  kQuit,
  kReopenLogs,
  kReady,
  kRetireMe,
  kListening,
  kHasThreads,
  kDumpStacks,
  kStacks,
};

// Why an app could not be brought up; decides the exit code (3 or 4) when it is the first boot.
enum class BootFailureKind : uint32_t {
  kStart = 3,   // imported, but its start failed: lifespan.startup.failed, an exception in lifespan
  kImport = 4,  // could not be imported: no such module or attribute, syntax error, exception at import
};

enum class DrainMode : uint32_t {
  kRetire,  // a replacement serves: idle connections may ask once more, each answer says connection: close
  kStop,    // nobody will serve: idle connections are closed at once
};

enum class StacksReason : uint32_t {
  kAsked,
  kAborted,  // by SIGABRT: the sender's last words
};

// Sent by the master's pidfd. A real-time signal, which neither Python nor libuv nor a terminal uses.
inline int stacks_signal() { return SIGRTMAX - 2; }

inline constexpr size_t kMaxControlText = 96 * 1024;  // longer texts (a traceback) lose their middle
inline constexpr size_t kMaxControlFds = kMaxPassedFds;

struct ControlMessage {
  ControlType type;
  uint32_t slot = 0;
  uint32_t generation = 0;
  uint32_t board = 0;   // index of the worker's scoreboard block
  uint64_t worker = 0;  // WorkerId: never reused within a master's life
  int64_t value = 0;
  uint32_t flag = 0;
  std::string text;
  std::vector<UniqueFd> fds;
};

// A pair of connected control sockets, both CLOEXEC and non-blocking.
Result<std::array<UniqueFd, 2>> make_control_pair();

// Sends one message with its descriptors (they stay open here and are closed with `message`). EAGAIN is an error: the
// peer stopped reading.
Result<> send_control(int fd, const ControlMessage& message);

// The same for signal handlers: a message of type, flag and text alone (at most kMaxControlText). Async-signal-safe; who
// cannot be told is not told.
void send_control_text(int fd, ControlType type, uint32_t flag, std::string_view text) noexcept;

enum class ReceiveStatus { kMessage, kWouldBlock, kClosed };
// Reads one message. A malformed one is an Error (a version mismatch between master and worker module).
Result<ReceiveStatus> receive_control(int fd, ControlMessage& out);

}  // namespace tricorn
