// Overwrites the argument area of the stack, whose bounds come from proc_pid_stat(5): so it also
// works in a module that was loaded by somebody else's main(), such as a Python interpreter.
#include "common/process_title.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace tricorn {
namespace {

struct TitleArea {
  char* begin = nullptr;
  char* arguments_end =
      nullptr;  // while the byte before it is not NUL, the kernel shows what follows too
  char* environment_end = nullptr;  // directly behind the arguments
};

TitleArea find_area() {
  std::ifstream file("/proc/self/stat");
  std::string stat{std::istreambuf_iterator<char>(file), {}};
  auto after_name = stat.rfind(')');  // the name may hold spaces and parentheses
  if (after_name == std::string::npos) return {};
  std::istringstream fields(stat.substr(after_name + 1));
  constexpr int kFirstField = 3, kArgStart = 48;
  std::string skipped;
  for (int field = kFirstField; field < kArgStart; ++field) fields >> skipped;
  uintptr_t arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
  if (!(fields >> arg_start >> arg_end >> env_start >> env_end) || arg_start == 0) return {};
  TitleArea area{
      .begin = reinterpret_cast<char*>(arg_start),
      .arguments_end = reinterpret_cast<char*>(arg_end),
      .environment_end = reinterpret_cast<char*>(env_start == arg_end ? env_end : arg_end)};
  return area;
}

TitleArea& area() {
  static TitleArea found = find_area();
  return found;
}

bool environment_moved = false;

}  // namespace

void reserve_process_title() {
  if (environment_moved || area().begin == nullptr) return;
  size_t count = 0;
  while (environ[count] != nullptr) ++count;
  static std::string storage;  // the process's environment from now on, never freed
  static char** pointers = new char*[count + 1];
  for (size_t i = 0; i < count; ++i) storage.append(environ[i]).push_back('\0');
  char* next = storage.data();
  for (size_t i = 0; i < count; ++i) {
    pointers[i] = next;
    next += std::strlen(next) + 1;
  }
  pointers[count] = nullptr;
  environ = pointers;
  environment_moved = true;
}

void set_process_title(std::string_view title) {
  ::prctl(PR_SET_NAME, std::string(title.substr(0, 15)).c_str(), 0, 0, 0);
  auto [begin, arguments_end, environment_end] = area();
  if (begin == nullptr) return;
  char* end = environment_moved ? environment_end : arguments_end;
  auto room = static_cast<size_t>(end - begin);
  size_t shown = std::min(title.size(), room - 1);
  std::memcpy(begin, title.data(), shown);
  std::memset(begin + shown, 0, room - shown);
}

}  // namespace tricorn
