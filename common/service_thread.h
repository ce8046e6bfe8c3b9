// Threads of the process's own, beside those of the program: no signal is delivered to them.
#pragma once

#include <pthread.h>

namespace tricorn {

// Runs main(argument) in a new thread with all signals blocked. `name`: up to 15 characters, for
// those who look at the process (pthread_setname_np(3)). 0 with `thread` set, which is to be joined
// or detached, or an errno.
int start_service_thread(const char* name, void* (*main)(void*), void* argument, pthread_t& thread);

}  // namespace tricorn
