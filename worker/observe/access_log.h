// AccessLog: one line per answered request on standard output, in uvicorn's words or as JSON.
//
//   127.0.0.1:54321 - "GET /path?q=1 HTTP/1.1" 200
//   {"time":"2026-11-22T12:00:00Z","client":"127.0.0.1:54321","method":"GET","target":"/path?q=1","version":"1.1",
//    "status":200,"bytes":13}                                     (on one line)
//
// Lines gather in a buffer and leave in one write per turn of the loop. Nothing here ever waits: if
// the reader of a pipe is slow, lines are lost, counted, and the loss is reported once a minute.
// One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/log_output.h"
#include "common/logging.h"

namespace tricorn {

struct AccessRecord {
  std::string_view client;  // "127.0.0.1:54321", "" if unknown
  std::string_view method;
  std::string_view target;
  std::string_view version;  // "1.1"
  int status = 0;  // 0: the client was gone before anything was sent; logged as 499, as nginx does
  uint64_t response_bytes = 0;
  std::string_view time;  // for JSON: RFC 3339
};

// Appends one line with its newline. Bytes that could forge a line or harm a terminal are written
// as \xHH; lines stay below PIPE_BUF, so that the kernel never mixes the lines of two workers: a
// longer target is cut and ends in "...".
void format_access_line(std::string& out, LogFormat format, const AccessRecord& record);

class AccessLog {
 public:
  AccessLog(LogFormat format, int fd) : format_(format), fd_(fd), output_(fd) {}

  LogFormat format() const { return format_; }
  void append(const AccessRecord& record) { format_access_line(buffer_, format_, record); }
  void flush(TimePoint now) {
    if (!buffer_.empty()) write_out(now);
  }
  void reopen() { output_ = LogOutput(fd_); }
  uint64_t lost() const { return lost_; }

 private:
  void write_out(TimePoint now);
  void report_loss(TimePoint now);

  LogFormat format_;
  int fd_;
  LogOutput output_;
  std::string buffer_;
  uint64_t lost_ = 0;
  uint64_t reported_ = 0;
  TimePoint next_report_{};
};

}  // namespace tricorn
