// RestartableSequences: see the header.
#include "worker/restartable_sequences.h"

#if __has_include(<sys/rseq.h>)

#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace tricorn {

void restore_restartable_sequences() {
  constexpr unsigned kLeastSize = 32;  // of the kernel's first version; __rseq_size may be smaller
  if (__rseq_size == 0) return;
  auto* const area = reinterpret_cast<struct rseq*>(static_cast<char*>(__builtin_thread_pointer()) +
                                                    __rseq_offset);
  const unsigned size = std::max(__rseq_size, kLeastSize);
  if (syscall(SYS_rseq, area, size, 0, RSEQ_SIG) == 0) return;
  const auto none = static_cast<unsigned>(RSEQ_CPU_ID_REGISTRATION_FAILED);
  *const_cast<volatile unsigned*>(&area->cpu_id) = none;
}

}  // namespace tricorn

#else

namespace tricorn {
void restore_restartable_sequences() {}
}  // namespace tricorn

#endif
