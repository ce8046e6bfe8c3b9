// A folder is watched before it is read: what appears in between is seen twice rather than never.
#include "supervisor/os/folder_watch.h"

#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/syscall.h"

namespace tricorn {
namespace {

namespace fs = std::filesystem;

// Not IN_MODIFY: a file that is still being written is not to be loaded.
constexpr uint32_t kEvents =
    IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR;
constexpr uint32_t kRootEvents = kEvents | IN_MOVE_SELF;
// Or it may be read at last.
constexpr uint32_t kArrivals = IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;

Error out_of_watches(const std::string& path, size_t watched) {
  return {fmt::format("the kernel's limit of watched folders is reached at {}, after {} folders: "
                      "raise it (sysctl "
                      "fs.inotify.max_user_watches=524288), or watch fewer by --reload-dir and "
                      "--reload-exclude",
                      path, watched),
          ENOSPC};
}

// What an IN_CREATE is about is told of when it has been written, if it ever is: a link is whole at
// once.
bool is_link(const std::string& path) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0 && (S_ISLNK(info.st_mode) || info.st_nlink > 1);
}

bool is_below(const std::string& path, const std::string& root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

}  // namespace

Result<std::unique_ptr<FolderWatch>> FolderWatch::create(EventLoop& loop,
                                                         std::vector<std::string> roots,
                                                         Observer observer) {
  auto inotify = sys("inotify_init1", "", [] { return ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK); });
  if (!inotify && inotify.error().sys_errno == EMFILE) {
    return fail(
        "the kernel's limit of inotify instances is reached: raise it (sysctl "
        "fs.inotify.max_user_instances=512)",
        EMFILE);
  }
  if (!inotify) return pass_on(inotify);
  std::unique_ptr<FolderWatch> watch(
      new FolderWatch(loop, UniqueFd(*inotify), std::move(roots), std::move(observer)));
  for (const std::string& root : watch->roots_) {
    auto watched = watch->watch_root(root, false);
    if (!watched) return pass_on(watched);
    if (!*watched) return fail(fmt::format("{} cannot be watched: not a readable folder", root));
  }
  return watch;
}

FolderWatch::FolderWatch(EventLoop& loop, UniqueFd inotify, std::vector<std::string> roots,
                         Observer observer)
    : inotify_(std::move(inotify)),
      roots_(std::move(roots)),
      observer_(std::move(observer)),
      watcher_(loop, inotify_.get(), [this] { read_all(); }) {}

void FolderWatch::read_all() {
  alignas(inotify_event) char buffer[16 * 1024];
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), buffer, sizeof buffer);
    if (size <= 0) return;
    for (ssize_t at = 0; at < size;) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
      on_event(*event);
      at += static_cast<ssize_t>(sizeof *event + event->len);
    }
  }
}

void FolderWatch::on_event(const inotify_event& event) {
  if (event.mask & IN_Q_OVERFLOW) return on_overflow();
  if (parents_.contains(event.wd)) on_parent_event(event);
  const auto found = folders_.find(event.wd);
  if (found == folders_.end()) return;  // of a folder that was forgotten meanwhile
  if (event.mask & (IN_IGNORED | IN_MOVE_SELF)) {
    const std::string path = found->second;
    if (event.mask & IN_IGNORED) folders_.erase(found);
    if (is_root(path)) on_root_gone(path);
    return;
  }
  if (event.len == 0) return;  // about the folder itself; its parent tells that, too
  if (event.mask & IN_ATTRIB) return;
  const std::string folder = found->second;
  const std::string path = folder + "/" + event.name;
  if (event.mask & IN_ISDIR) return on_folder_event(path, event.mask);
  if (!is_root(folder) && !observer_.wants_folder(folder)) {  // any more
    forget_tree(folder);
    return;
  }
  if ((event.mask & IN_CREATE) && !is_link(path)) return;
  observer_.on_file(path);
}

void FolderWatch::on_folder_event(const std::string& path, uint32_t mask) {
  if (!observer_.wants_folder(path)) return;
  if (mask & (IN_CREATE | IN_MOVED_TO)) {
    if (auto added = watch_tree(path, true); !added) report(added.error());
  } else if (mask & IN_MOVED_FROM) {
    if (forget_tree(path)) observer_.on_unknown(path);
  }  // IN_DELETE: it was empty
}

// Folders may have come and gone unseen. Those that are watched already stay so.
void FolderWatch::on_overflow() {
  missing_roots_.clear();
  for (const std::string& root : roots_) {
    auto watched = watch_root(root, false);
    if (!watched) report(watched.error());
    if (watched && !*watched) {
      on_root_gone(root);
    } else {
      observer_.on_unknown(root);
    }
  }
}

// As when a branch without it is checked out, and then one with it. Its parent tells when it is
// back.
void FolderWatch::on_root_gone(const std::string& root) {
  forget_tree(root);
  observer_.on_unknown(root);
  const std::string parent = fs::path(root).parent_path().string();
  const int watch = ::inotify_add_watch(inotify_.get(), parent.c_str(), kArrivals | IN_MASK_ADD);
  if (watch == -1) {
    return report({fmt::format("{} is gone and is watched no more; restart the server", root)});
  }
  parents_[watch] = parent;
  missing_roots_.push_back(root);
  look_for_missing_roots();  // back before its parent was watched
}

void FolderWatch::on_parent_event(const inotify_event& event) {
  if (event.mask & kArrivals) look_for_missing_roots();
  if (!(event.mask & IN_IGNORED)) return;
  parents_.erase(event.wd);
  for (const std::string& root : std::exchange(missing_roots_, {})) on_root_gone(root);
}

void FolderWatch::look_for_missing_roots() {
  for (const std::string& root : std::exchange(missing_roots_, {})) {
    auto watched = watch_root(root, true);
    if (!watched) report(watched.error());
    if (watched && !*watched) missing_roots_.push_back(root);
  }
  if (!missing_roots_.empty()) return;
  for (const auto& [watch, parent] : std::exchange(parents_, {})) {
    if (!folders_.contains(watch)) ::inotify_rm_watch(inotify_.get(), watch);
  }
}

// False: it is not there, or not for us to read.
Result<bool> FolderWatch::watch_root(const std::string& root, bool tell) {
  auto watched = watch_folder(root);
  if (!watched || !*watched) return watched;
  if (auto added = watch_tree(root, tell); !added) return pass_on(added);
  return true;
}

Result<> FolderWatch::watch_tree(const std::string& root, bool tell) {
  std::vector<std::string> open = {root};
  while (!open.empty()) {
    const std::string folder = std::move(open.back());
    open.pop_back();
    auto watched = watch_folder(folder);
    if (!watched) return pass_on(watched);
    if (*watched) visit_entries(folder, tell, open);
  }
  return {};
}

// False: it has gone, or we may not read it.
Result<bool> FolderWatch::watch_folder(const std::string& path) {
  const uint32_t events = is_root(path) ? kRootEvents : kEvents;
  auto watch = sys("inotify_add_watch", path,
                   [&] { return ::inotify_add_watch(inotify_.get(), path.c_str(), events); });
  if (watch) {
    folders_[*watch] = path;
    return true;
  }
  const int why = watch.error().sys_errno;
  if (why == ENOSPC) return std::unexpected(out_of_watches(path, folders_.size()));
  if (why == ENOENT || why == ENOTDIR || why == EACCES) return false;
  return pass_on(watch);
}

void FolderWatch::visit_entries(const std::string& folder, bool tell,
                                std::vector<std::string>& sub_folders) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string path = entry->path().string();
    std::error_code ignored;
    if (fs::is_directory(entry->symlink_status(ignored))) {
      if (observer_.wants_folder(path)) sub_folders.push_back(std::move(path));
    } else if (tell) {
      observer_.on_file(path);
    }
  }
}

bool FolderWatch::forget_tree(const std::string& root) {
  return std::erase_if(folders_, [&](const auto& entry) {
           if (!is_below(entry.second, root)) return false;
           ::inotify_rm_watch(inotify_.get(), entry.first);
           return true;
         }) > 0;
}

bool FolderWatch::is_root(const std::string& path) const {
  return std::ranges::find(roots_, path) != roots_.end();
}

// Every further folder meets the same limit.
void FolderWatch::report(const Error& error) {
  if (error.sys_errno == ENOSPC && std::exchange(limit_reported_, true)) return;
  observer_.on_error(error);
}

}  // namespace tricorn
