/* A process forked by a process that was forked since the last exec (a worker: the zygote forks twice) begins to run only when the
 * file $LATE_CHILD exists. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

pid_t fork(void) {
  static int depth;
  pid_t (*real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
  pid_t pid = real();
  const char* gate = getenv("LATE_CHILD");
  if (pid != 0 || gate == NULL || ++depth < 2) return pid;
  while (access(gate, F_OK) != 0) usleep(1000);
  return 0;
}
