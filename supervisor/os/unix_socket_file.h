// UnixSocketFile: the name of a unix socket in the file system, which outlives the socket unless
// somebody removes it.
#pragma once

#include <sys/stat.h>

#include <string>

#include "common/result.h"

namespace tricorn {

class UnixSocketFile {
 public:
  UnixSocketFile() = default;  // none
  // The file that bind() has just made.
  static Result<UnixSocketFile> own(std::string path);
  UnixSocketFile(UnixSocketFile&& other) noexcept;
  UnixSocketFile& operator=(UnixSocketFile&& other) noexcept;
  ~UnixSocketFile() { remove(); }

  // Another master has it now, or we again: only its owner removes it.
  void set_ours(bool ours) { ours_ = ours; }
  bool ours() const { return ours_; }

  // Makes it this user's. An Error if another file has taken its place.
  Result<> give_to(uid_t uid, gid_t gid) const;
  // Whether no other socket has taken its place; true if there is none.
  bool in_place() const;
  // Removes it, unless another socket has taken its place.
  void remove();

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool ours_ = true;
};

// Makes `path` free: removes a socket file that nobody serves any more. A live socket, and anything
// that is not a socket, is an Error and stays as it is.
Result<> clear_dead_unix_socket(const std::string& path);

}  // namespace tricorn
