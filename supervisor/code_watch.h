// CodeWatch: --reload: watches the code's folders and asks for a reload when a file of interest has
// changed.
#pragma once

#include <functional>
#include <memory>

#include "config/options.h"
#include "supervisor/os/folder_watch.h"
#include "supervisor/policy/reload_debounce.h"
#include "supervisor/policy/reload_filter.h"

namespace tricorn {

class CodeWatch {
 public:
  // Watches from now on; `reload` is called from the loop. The loop outlives the watch.
  static Result<std::unique_ptr<CodeWatch>> create(EventLoop& loop, const ReloadOptions& options,
                                                   std::function<void()> reload);

 private:
  CodeWatch(EventLoop& loop, const ReloadOptions& options, std::function<void()> reload);
  void on_change(const std::string& path);
  void on_due();
  void rearm();

  ReloadFilter filter_;
  ReloadDebounce debounce_;
  std::function<void()> reload_;
  Timer timer_;
  std::unique_ptr<FolderWatch> folders_;
};

}  // namespace tricorn
