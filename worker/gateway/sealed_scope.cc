// SealedScope: see the header.
#include "worker/gateway/sealed_scope.h"

#include <algorithm>
#include <utility>

namespace tricorn {
namespace {

constexpr Py_ssize_t kOwnReferences = 2;  // of a child: the dict's that it is in, and ours

void collect_dicts(PyObject* dict, std::vector<PyRef>& found) {
  Py_ssize_t position = 0;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &position, nullptr, &value) != 0) {
    if (!PyDict_CheckExact(value)) continue;
    found.push_back(PyRef::borrow(value));
    collect_dicts(value, found);
  }
}

}  // namespace

void SealedScope::seal(const PyRef& scope, Fields keys) {
  drop();
  collect_dicts(scope.get(), children_);
  bool watched = watch_.add(scope.get());
  for (const PyRef& child : children_) watched &= watch_.add(child.get());
  scope_ = scope.clone();
  in_use_ = true;
  for (PyObject* key : keys) values_.push_back(PyDict_GetItemWithError(scope.get(), key));
  if (!watched || std::ranges::find(values_, nullptr) != values_.end()) {
    PyErr_Clear();
    return drop();
  }
  watch_.accept();
}

PyRef SealedScope::take(Fields keys, Fields values) {
  if (!scope_ || in_use_) return {};
  if (!is_untouched()) {
    drop();
    return {};
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == nullptr || values[i] == values_[i]) continue;
    if (PyDict_SetItem(scope_.get(), keys[i], values[i]) < 0) {
      PyErr_Clear();
      drop();
      return {};
    }
    values_[i] = values[i];
  }
  watch_.accept();
  in_use_ = true;
  return scope_.clone();
}

PyObject* SealedScope::spare_value(size_t index) const {
  return scope_ && !in_use_ && watch_.unchanged() ? values_[index] : nullptr;
}

bool SealedScope::is_untouched() const {
  return watch_.unchanged() && std::ranges::all_of(children_, [](const PyRef& child) {
           return Py_REFCNT(child.get()) == kOwnReferences;
         });
}

bool SealedScope::retire(PyRef& scope) {
  if (!scope || scope.get() != scope_.get()) return false;
  scope.reset();
  in_use_ = false;
  turned_away_ = 0;
  if (Py_REFCNT(scope_.get()) != 1 || !watch_.unchanged()) drop();
  return true;
}

// What goes last may run an app's finalizers.
void SealedScope::drop() {
  watch_.stop();
  in_use_ = false;
  turned_away_ = 0;
  values_.clear();
  std::vector<PyRef> children = std::exchange(children_, {});
  PyRef scope = std::move(scope_);
}

}  // namespace tricorn
