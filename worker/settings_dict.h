// The settings that Python code of the package reads, as a dict. GIL held.
#pragma once

#include "common/worker_settings.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// {"app", "app_dir", "factory", "preload", "reload", "lifespan": "auto"|"on"|"off"}; null with an
// error set.
PyRef settings_dict(const WorkerSettings& settings);

}  // namespace tricorn
