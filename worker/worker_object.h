// `_tricorn.Worker`: a worker process as python/tricorn/_worker.py sees it.
#pragma once

#include "worker/entry.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// A new Worker object, or null with an error set.
PyObject* make_worker(WorkerSetup setup);

bool add_worker_type(PyObject* module);

}  // namespace tricorn
