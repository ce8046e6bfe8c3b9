// How much memory a process holds, as the kernel tells.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace tricorn {

// Resident bytes of a process that has not been reaped yet, what it shares with others included.
// nullopt: it has ended, or /proc is not there. Two small system calls and a read; never blocks.
std::optional<uint64_t> resident_bytes(pid_t pid);

}  // namespace tricorn
