// CtlConnection: ctl's end of the control socket. Blocks, but never beyond its deadline.
#pragma once

#include <optional>
#include <string>

#include "common/clock.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace tricorn {

class CtlConnection {
 public:
  // An Error: nobody is there, or not for us.
  static Result<CtlConnection> open(const std::string& path);

  // Sends the line and waits for the answer, without its line's end. ETIMEDOUT: none by then.
  Result<std::string> ask(const std::string& line, std::optional<TimePoint> deadline);
  // Waits until the server's process has ended, as far as we can see it. ETIMEDOUT: it has not by
  // then.
  Result<> await_exit(std::optional<TimePoint> deadline);

 private:
  CtlConnection(UniqueFd fd, UniqueFd server) : fd_(std::move(fd)), server_(std::move(server)) {}

  UniqueFd fd_;
  UniqueFd server_;  // a pidfd; none when the server's process is not to be seen from here
};

}  // namespace tricorn
