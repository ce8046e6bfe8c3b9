// Boards: who has which block of the scoreboard.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/scoreboard.h"

namespace tricorn {

class Boards {
 public:
  // `scoreboard` outlives it.
  explicit Boards(Scoreboard& scoreboard) : scoreboard_(scoreboard) {}

  // A cleared block for a booting worker; nullopt when all are taken.
  std::optional<uint32_t> acquire(uint32_t slot, uint32_t generation);
  void release(uint32_t board);  // its worker has exited

 private:
  Scoreboard& scoreboard_;
  std::vector<bool> taken_;  // as long as blocks_used
};

}  // namespace tricorn
