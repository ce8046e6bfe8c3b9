// The pid file: held by a lock for the master's life, so two masters can never share one.
#pragma once

#include <sys/stat.h>

#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

namespace tricorn {

class PidFile {
 public:
  PidFile() = default;  // none
  // Locks and writes `path`. A stale file is taken over; one that is locked, or that is not a pid
  // file, is an Error.
  static Result<PidFile> create(std::string path);
  PidFile(PidFile&&) noexcept = default;
  PidFile& operator=(PidFile&&) = delete;
  ~PidFile();  // removes the file if it is still ours

 private:
  PidFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
};

}  // namespace tricorn
