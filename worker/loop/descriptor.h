// Descriptors of file objects, as the selectors module reads them.
#pragma once

#include "worker/loop/fd_watcher.h"
#include "worker/python/py_ref.h"

namespace tricorn {

// An int, or what file.fileno() gives. -1 with ValueError set.
int descriptor_of(PyObject* file);

// The same; an object that has lost its descriptor (a closed socket) is still found if it is
// watched.
int watched_descriptor_of(const FdWatcher& watcher, PyObject* file);

// False with RuntimeError set if a transport uses the descriptor. `file`, for the message, is what
// the user named it by; null: its number.
bool check_no_transport(const EpollSet& set, int fd, PyObject* file);

}  // namespace tricorn
