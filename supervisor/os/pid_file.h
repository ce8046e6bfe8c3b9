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
  // The old master's `locked` file at `path`: that master's until claim().
  static PidFile inherit(UniqueFd locked, std::string path);
  PidFile(PidFile&&) noexcept = default;
  PidFile& operator=(PidFile&&) = delete;
  ~PidFile();  // removes the file if it is still ours

  // With another master that holds the same lock: it names us from now on, and is ours to remove.
  Result<> claim();
  // The other one does.
  void yield() { ours_ = false; }

  bool in_place() const;
  bool inherited() const { return inherited_; }
  int fd() const { return fd_.get(); }  // -1: none
  const std::string& path() const { return path_; }

 private:
  PidFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  UniqueFd fd_;
  std::string path_;
  bool ours_ = true;
  bool inherited_ = false;
};

}  // namespace tricorn
