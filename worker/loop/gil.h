// Gil: whether the loop's thread holds the GIL, which it gives away while it sleeps.
#pragma once

#include <utility>

#include "worker/python/py_ref.h"

namespace tricorn {

class Gil {
 public:
  bool away() const { return saved_ != nullptr; }
  void release() { saved_ = PyEval_SaveThread(); }
  void take() { PyEval_RestoreThread(std::exchange(saved_, nullptr)); }

 private:
  PyThreadState* saved_ = nullptr;
};

}  // namespace tricorn
