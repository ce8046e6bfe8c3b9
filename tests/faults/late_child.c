/* A worker begins to run only when the file $LATE_CHILD exists. It is known by the name that it inherits: the zygote's. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

pid_t fork(void) {
  pid_t (*real)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
  pid_t pid = real();
  const char* gate = getenv("LATE_CHILD");
  char name[16] = "";
  prctl(PR_GET_NAME, name);
  if (pid != 0 || gate == NULL || strncmp(name, "tricorn: zygote", 15) != 0) return pid;
  while (access(gate, F_OK) != 0) usleep(1000);
  return 0;
}
