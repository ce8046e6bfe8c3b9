// Folders, filter, debounce and timer, joined.
#include "supervisor/code_watch.h"

#include <filesystem>

#include "common/logging.h"

namespace tricorn {
namespace {

// Thousands of folders whose files nobody edits. One that is named by --reload-dir is watched.
bool is_virtual_environment(const std::string& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder + "/pyvenv.cfg", ignored);
}

}  // namespace

Result<std::unique_ptr<CodeWatch>> CodeWatch::create(EventLoop& loop, const ReloadOptions& options,
                                                     std::function<void()> reload) {
  std::unique_ptr<CodeWatch> watch(new CodeWatch(loop, options, std::move(reload)));
  FolderWatch::Observer observer{
      .wants_folder =
          [self = watch.get()](const std::string& path) {
            return self->filter_.wants_folder(path) && !is_virtual_environment(path);
          },
      .on_file =
          [self = watch.get()](const std::string& path) {
            if (self->filter_.wants_file(path)) self->on_change(path);
          },
      .on_unknown = [self = watch.get()](const std::string& folder) { self->on_change(folder); },
      .on_error = [](const Error& error) { log_error("--reload: {}", error.message); }};
  auto folders = FolderWatch::create(loop, options.folders, std::move(observer));
  if (!folders) return fail("--reload: " + folders.error().message);
  watch->folders_ = std::move(*folders);
  for (const auto& folder : options.folders) log_info("watching {} for changes", folder);
  return watch;
}

CodeWatch::CodeWatch(EventLoop& loop, const ReloadOptions& options, std::function<void()> reload)
    : filter_(options.includes, options.excludes),
      debounce_(milliseconds(options.delay_ms)),
      reload_(std::move(reload)),
      timer_(loop, [this] { on_due(); }) {}

void CodeWatch::on_change(const std::string& path) {
  debounce_.changed(monotonic_now(), path);
  rearm();
}

void CodeWatch::on_due() {
  auto cause = debounce_.take(monotonic_now());
  rearm();
  if (!cause) return;
  log_info("{}{} changed", cause->path, cause->others ? " and others have" : " has");
  reload_();
}

// As long as something has changed there is a time at which it is due.
void CodeWatch::rearm() {
  if (auto due = debounce_.due()) timer_.arm(*due - monotonic_now());
}

}  // namespace tricorn
