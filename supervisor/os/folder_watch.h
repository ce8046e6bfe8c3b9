// FolderWatch: tells of files that change below some folders, by inotify(7): no polling, nothing
// happens at rest.
//
// New sub-folders are watched as they appear, and so is a root that went away and comes back. A
// link to a folder is not followed, unless it is a root itself.
#pragma once

#include <sys/inotify.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "supervisor/os/event_loop.h"

namespace tricorn {

class FolderWatch {
 public:
  // Called from the loop, and must not destroy the watch.
  struct Observer {
    std::function<bool(const std::string& path)> wants_folder;  // asked for each below a root
    // A file was written to its end, or came or went by another name. May be told twice.
    std::function<void(const std::string& path)> on_file;
    // Anything below may have changed: a folder went away, or the kernel's queue has overflown.
    std::function<void(const std::string& folder)> on_unknown;
    // A new folder is not watched, a root is gone. Once about the kernel's limit.
    std::function<void(const Error& error)> on_error;
  };

  // `roots` are absolute. An Error names the remedy where a limit of the kernel is reached.
  static Result<std::unique_ptr<FolderWatch>> create(EventLoop& loop,
                                                     std::vector<std::string> roots,
                                                     Observer observer);
  size_t folders() const { return folders_.size(); }

 private:
  FolderWatch(EventLoop& loop, UniqueFd inotify, std::vector<std::string> roots, Observer observer);

  void read_all();
  void on_event(const inotify_event& event);
  void on_folder_event(const std::string& path, uint32_t mask);
  void on_overflow();
  void on_root_gone(const std::string& root);
  void on_parent_event(const inotify_event& event);
  void look_for_missing_roots();
  // Adds `root` and what is below it; `tell`: its files have changed.
  Result<bool> watch_root(const std::string& root, bool tell);
  Result<> watch_tree(const std::string& root, bool tell);
  Result<bool> watch_folder(const std::string& path);
  void visit_entries(const std::string& folder, bool tell, std::vector<std::string>& sub_folders);
  bool forget_tree(const std::string& root);  // whether there was anything
  bool is_root(const std::string& path) const;
  void report(const Error& error);

  UniqueFd inotify_;
  std::vector<std::string> roots_;
  Observer observer_;
  std::unordered_map<int, std::string> folders_;  // by watch descriptor
  std::vector<std::string> missing_roots_;
  std::unordered_map<int, std::string> parents_;  // where missing roots may appear
  bool limit_reported_ = false;
  FdWatcher watcher_;  // last: stops watching before the descriptor closes
};

}  // namespace tricorn
