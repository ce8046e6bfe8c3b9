// The scoreboard: a memfd mapped by the master and all workers, one block per live worker.
//
// Each block is written by its worker alone (the master clears it before it is handed out) with relaxed atomics; no
// locks. Everybody reads: the master for status and heartbeats, workers to leave a connection to a less loaded sibling.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "common/result.h"
#include "common/unique_fd.h"

namespace tricorn {

enum class WorkerState : uint32_t { kFree = 0, kBooting, kReady, kDraining };

struct alignas(64) WorkerBlock {
  std::atomic<WorkerState> state{WorkerState::kFree};
  std::atomic<uint32_t> slot{0};
  std::atomic<uint32_t> generation{0};
  std::atomic<int32_t> pid{0};
  std::atomic<uint64_t> heartbeat_ns{0};   // CLOCK_MONOTONIC at the last turn of the worker's heartbeat timer
  std::atomic<uint32_t> connections{0};    // open client connections
  std::atomic<uint32_t> requests_active{0};
  std::atomic<uint64_t> requests{0};       // answered since the worker started
  std::atomic<uint64_t> bytes_sent{0};
};

inline constexpr size_t kMaxBlocks = 1024;  // workers alive at once: slots plus those that are being replaced

struct ScoreboardLayout {
  std::atomic<uint32_t> blocks_used{0};  // no block at or above this index was ever handed out
  std::atomic<bool> stopping{false};     // by the master: the server is asked to stop, and may serve yet
  std::array<WorkerBlock, kMaxBlocks> blocks;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free);

// Owns the mapping. The master creates it; the zygote maps the inherited memfd and its forks keep the mapping.
class Scoreboard {
 public:
  static Result<Scoreboard> create();          // a new, zeroed memfd (CLOEXEC)
  static Result<Scoreboard> attach(UniqueFd);  // maps an inherited one

  Scoreboard(Scoreboard&&) noexcept;
  Scoreboard& operator=(Scoreboard&&) = delete;
  ~Scoreboard();

  int fd() const { return fd_.get(); }
  ScoreboardLayout& layout() const { return *layout_; }
  WorkerBlock& block(size_t index) const { return layout_->blocks[index]; }

 private:
  Scoreboard(UniqueFd fd, ScoreboardLayout* layout) : fd_(std::move(fd)), layout_(layout) {}
  UniqueFd fd_;
  ScoreboardLayout* layout_;
};

}  // namespace tricorn
