// RestartableSequences: this thread's registration with the kernel (rseq(2)), which glibc makes at
// its start and allocators and sched_getcpu() rely on.
#pragma once

namespace tricorn {

// For a process that was forked by one that borrowed its parent's memory (vfork): the kernel has
// forgotten the registration then, and glibc does not know. Registers again; where the kernel
// refuses, the thread is marked as not registered, which glibc and allocators respect. Does nothing
// where glibc had not registered (before 2.35, or told not to).
void restore_restartable_sequences();

}  // namespace tricorn
