// Extensions: see the header.
#include "worker/gateway/extensions.h"

namespace tricorn {

bool Extensions::add(PyObject* name) {
  entries_.push_back({PyRef::borrow(name), {}});
  return make() != nullptr;
}

// Walks the items in their order, without hashing: an app that put one back elsewhere makes us
// build a new dict, no more.
bool Extensions::is_pristine(PyObject* scope_value) const {
  const Py_ssize_t references = dict_.get() == scope_value ? 2 : 1;
  if (!dict_ || Py_REFCNT(dict_.get()) != references) return false;
  Py_ssize_t position = 0;
  PyObject* name = nullptr;
  PyObject* value = nullptr;
  for (const Entry& entry : entries_) {
    if (PyDict_Next(dict_.get(), &position, &name, &value) == 0) return false;
    if (name != entry.name.get() || value != entry.value.get()) return false;
    if (Py_REFCNT(value) != 2 || PyDict_GET_SIZE(value) != 0) return false;  // ours and the dict's
  }
  return PyDict_GET_SIZE(dict_.get()) == static_cast<Py_ssize_t>(entries_.size());
}

void Extensions::give_away() {
  dict_.reset();
  for (Entry& entry : entries_) entry.value.reset();
}

PyObject* Extensions::make() {
  dict_ = PyRef::steal(PyDict_New());
  if (!dict_) return nullptr;
  for (Entry& entry : entries_) {
    entry.value = PyRef::steal(PyDict_New());
    if (!entry.value || PyDict_SetItem(dict_.get(), entry.name.get(), entry.value.get()) < 0) {
      dict_.reset();
      return nullptr;
    }
  }
  return dict_.get();
}

}  // namespace tricorn
