// sys(): one wrapper for system calls. Retries EINTR, saves errno before anything else runs, and
// makes an Error that names the call and its subject: `auto fd = sys("bind", address, [&] { return
// ::bind(...); });`
#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>

#include "common/result.h"

namespace tricorn {

// "bind 127.0.0.1:80: Permission denied"
std::string describe_errno(std::string_view call, std::string_view subject, int sys_errno);

template <class Call>
auto sys(std::string_view name, std::string_view subject, Call&& call) -> Result<decltype(call())> {
  for (;;) {
    auto value = call();
    if (value != static_cast<decltype(value)>(-1)) return value;
    int saved = errno;
    if (saved == EINTR) continue;
    return fail(describe_errno(name, subject, saved), saved);
  }
}

}  // namespace tricorn
