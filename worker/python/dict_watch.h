// DictWatch: tells whether any of some dicts was changed, at the price of a comparison.
//
// Python 3.12 and later: a dict watcher (PyDict_Watch), one for the process; it counts the changes
// of all watched dicts together, so that somebody else's may look like one of these: a change is
// never missed, and rarely seen where there was none. Python 3.11: the dicts' version tags. GIL
// held.
#pragma once

#include <cstdint>
#include <vector>

#include "worker/python/py_ref.h"

namespace tricorn {

class DictWatch {
 public:
  DictWatch() = default;
  DictWatch(const DictWatch&) = delete;
  ~DictWatch() { stop(); }

  // False: the interpreter has no watcher left, add() fails.
  static bool available();
  // `dict` is not owned: it lives until stop(). False, without an error set, if it cannot be
  // watched.
  bool add(PyObject* dict);
  // What was changed up to now is as it should be.
  void accept();
  // Since the last accept().
  bool unchanged() const;
  void stop();

 private:
  std::vector<PyObject*> dicts_;
  [[maybe_unused]] std::vector<uint64_t> versions_;  // Python 3.11
  [[maybe_unused]] uint64_t changes_ = 0;            // 3.12 and later
};

}  // namespace tricorn
