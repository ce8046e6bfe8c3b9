// LogOutput: writes whole records to standard error without ever waiting for whoever reads it.
//
// Standard error is shared with other processes, so O_NONBLOCK must not be set on it. A pipe or
// terminal is opened a second time, which gives a file description of our own that may be
// non-blocking; a socket is sent to with MSG_DONTWAIT; where neither works, poll() decides before
// each piece that surely fits. Not thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/unique_fd.h"

namespace tricorn {

class LogOutput {
 public:
  // `fd` stays the caller's and must stay open.
  explicit LogOutput(int fd);

  // Writes one record, which ends in a newline. False: all or a part of it was lost. Raises no
  // SIGPIPE.
  bool write(std::string_view record) { return write_front(record) == record.size(); }
  // Several records: as much of their front as gets out. Less than all: `error` says why.
  size_t write_front(std::string_view records);
  int error() const { return error_; }  // errno of the last failure

  void count_lost() { ++lost_; }
  uint64_t lost() const { return lost_; }
  uint64_t unreported() const { return lost_ - reported_; }
  void reported(uint64_t count) { reported_ += count; }

 private:
  enum class Kind : uint8_t { kFile, kOwnDescription, kSocket, kPolled };
  long write_some(std::string_view bytes);

  int fd_;
  UniqueFd own_;
  Kind kind_;
  int error_ = 0;
  bool mid_line_ = false;  // a record was cut: the next one begins with a line break
  uint64_t lost_ = 0;
  uint64_t reported_ = 0;
};

}  // namespace tricorn
