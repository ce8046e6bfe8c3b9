// DictWatch: see the header.
#include "worker/python/dict_watch.h"

namespace tricorn {
namespace {

#if PY_VERSION_HEX >= 0x030C0000

uint64_t changes = 0;

int count_change(PyDict_WatchEvent, PyObject*, PyObject*, PyObject*) {
  ++changes;
  return 0;
}

// Negative: all of the interpreter's watchers are taken.
int watcher() {
  static const int id = [] {
    const int added = PyDict_AddWatcher(count_change);
    if (added < 0) PyErr_Clear();
    return added;
  }();
  return id;
}

#else

uint64_t version_of(PyObject* dict) {
  return reinterpret_cast<PyDictObject*>(dict)->ma_version_tag;
}

#endif

}  // namespace

#if PY_VERSION_HEX >= 0x030C0000

bool DictWatch::available() { return watcher() >= 0; }

bool DictWatch::add(PyObject* dict) {
  if (PyDict_Watch(watcher(), dict) < 0) {
    PyErr_Clear();
    return false;
  }
  dicts_.push_back(dict);
  return true;
}

void DictWatch::accept() { changes_ = changes; }

bool DictWatch::unchanged() const { return changes_ == changes; }

void DictWatch::stop() {
  for (PyObject* dict : dicts_) {
    if (PyDict_Unwatch(watcher(), dict) < 0) PyErr_Clear();
  }
  dicts_.clear();
}

#else

bool DictWatch::available() { return true; }

bool DictWatch::add(PyObject* dict) {
  dicts_.push_back(dict);
  return true;
}

void DictWatch::accept() {
  versions_.clear();
  for (PyObject* dict : dicts_) versions_.push_back(version_of(dict));
}

bool DictWatch::unchanged() const {
  for (size_t i = 0; i < dicts_.size(); ++i) {
    if (versions_[i] != version_of(dicts_[i])) return false;
  }
  return true;
}

void DictWatch::stop() { dicts_.clear(); }

#endif

}  // namespace tricorn
