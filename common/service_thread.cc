// start_service_thread: see the header.
#include "common/service_thread.h"

#include <csignal>

namespace tricorn {

int start_service_thread(const char* name, void* (*main)(void*), void* argument,
                         pthread_t& thread) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a thread inherits its maker's mask
  const int error = pthread_create(&thread, nullptr, main, argument);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error == 0) pthread_setname_np(thread, name);
  return error;
}

}  // namespace tricorn
