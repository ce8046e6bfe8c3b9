// LineOutput: a way out for the lines of the access log: a stream (standard output, a file) or
// syslog.
//
// Nothing here ever waits: what nobody takes is lost. One thread.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <string>
#include <string_view>

#include "common/access_target.h"
#include "common/log_output.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace tricorn {

class LineOutput {
 public:
  virtual ~LineOutput() = default;
  // Writes whole lines, each with its newline and of kMaxAccessLine bytes at most; returns how many
  // were lost.
  virtual uint64_t write(std::string_view lines) = 0;
  // Opens its file or socket anew. If that fails, the old one stays.
  virtual Result<> reopen() = 0;
  virtual int error() const = 0;  // errno of the last failure, 0 if there was none
};

// A file takes lines in one write of any size: O_APPEND keeps those of several workers apart. What
// may be a pipe takes PIPE_BUF at a time, whole or not at all.
class StreamOutput final : public LineOutput {
 public:
  // kStdout writes to `standard_output`, which stays the caller's; kFile opens its own.
  static Result<std::unique_ptr<LineOutput>> open(AccessTarget target, int standard_output);

  uint64_t write(std::string_view lines) override;
  Result<> reopen() override;
  int error() const override { return output_.error(); }

 private:
  StreamOutput(AccessTarget target, int standard_output, UniqueFd file);
  AccessTarget target_;
  int standard_output_;
  UniqueFd file_;
  LogOutput output_;
  size_t most_per_write_;
};

// One datagram a line, severity "info" of facility "user": to a unix socket as syslog(3) writes
// them (RFC 3164 without a host), over UDP as RFC 5424 has it.
class SyslogOutput final : public LineOutput {
 public:
  static Result<std::unique_ptr<LineOutput>> open(AccessTarget target);

  uint64_t write(std::string_view lines) override;
  Result<> reopen() override;
  int error() const override { return error_; }

 private:
  SyslogOutput(AccessTarget target, UniqueFd socket);
  uint64_t send_some(std::string_view& lines);
  void stamp();

  AccessTarget target_;
  UniqueFd socket_;
  std::string host_;
  std::string header_;       // before each line
  std::time_t stamped_ = 0;  // the second that it names
  int error_ = 0;
};

// For --access-logfile. Errors name the place.
Result<std::unique_ptr<LineOutput>> open_line_output(const AccessTarget& target);

}  // namespace tricorn
