// Result<T>: an expected failure as a value. A bug aborts; nothing throws through C.
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <utility>

namespace tricorn {

// What went wrong, for a person: names the thing and, where there is one, the remedy. One line, no
// trailing newline.
struct Error {
  std::string message;
  int sys_errno = 0;  // errno of the failed system call, 0 when none was involved
};

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(std::string message, int sys_errno = 0) {
  return std::unexpected(Error{std::move(message), sys_errno});
}

// The failure of `result`, to be returned from a function with another value type.
template <class T>
std::unexpected<Error> pass_on(Result<T>& result) {
  return std::unexpected(std::move(result.error()));
}

}  // namespace tricorn
