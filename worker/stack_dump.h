// The Python stacks of all threads of a zygote or worker as text, whatever the process is doing.
//
// CPython's faulthandler writes them from inside a signal handler into a memfd, so that it works
// while a call holds the GIL, or blocks in the kernel. Signals reach the main thread, whose frames
// stand still meanwhile; so do those of the others if it holds the GIL. If it waits without the
// GIL, another thread may run Python while it is looked at: faulthandler's own risk, which is why a
// loop that turns is asked by kDumpStacks, and answers with the GIL held.
//
// State is the process's, because signal handlers are.
#pragma once

#include <string>

namespace tricorn {

// From now on stacks_signal() and SIGABRT are answered with kStacks on `control_fd`, which stays
// open. For the main thread, GIL held: first in the zygote, so that no worker ever lives without
// the handlers (a worker that is not yet armed answers nothing), then in each worker. False with a
// Python error.
bool arm_stack_dump(int control_fd);
// `words`: called by the handler of SIGABRT once the stacks are told, if the main thread was
// interrupted: wherever that was, so it may hang or crash, with a process that ends anyway (the
// master kills one that does not). Null: nobody.
void set_last_words(void (*words)(void*), void* of);
// The other side of `control_fd` is gone.
void forget_stack_listener();

// By the main thread, GIL held.
std::string python_stacks();
// By a thread that Python does not know, without the GIL: interrupts the main thread. Takes a
// second at most.
std::string python_stacks_of_stuck_process();

}  // namespace tricorn
