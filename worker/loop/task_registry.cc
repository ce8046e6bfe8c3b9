// speed_up_task_registry: see the header. Mirrors weakref.WeakSet.add and its _remove callback.
#include "worker/loop/task_registry.h"

#include <utility>

#include "worker/python/py_ref.h"

namespace tricorn {
namespace {

struct Registry {
  PyRef tasks;             // the WeakSet
  PyRef data;              // its set of weak references
  PyRef iterating;         // its set of iterators under way
  PyRef pending_removals;  // its list of references that went meanwhile
  PyRef remove;            // our callback of those references
};
Registry& registry = *new Registry;  // tasks may go at the interpreter's end

PyObject* remove(PyObject*, PyObject* reference) {
  int failed = PySet_GET_SIZE(registry.iterating.get()) > 0
                   ? PyList_Append(registry.pending_removals.get(), reference)
                   : PySet_Discard(registry.data.get(), reference);
  if (failed < 0) return nullptr;
  Py_RETURN_NONE;
}

PyObject* add(PyObject*, PyObject* task) {
  if (PyList_GET_SIZE(registry.pending_removals.get()) > 0) {
    PyRef done =
        PyRef::steal(PyObject_CallMethod(registry.tasks.get(), "_commit_removals", nullptr));
    if (!done) return nullptr;
  }
  PyRef reference = PyRef::steal(PyWeakref_NewRef(task, registry.remove.get()));
  if (!reference || PySet_Add(registry.data.get(), reference.get()) < 0) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef add_method = {"add", add, METH_O, "Registers a task."};
PyMethodDef remove_method = {"remove", remove, METH_O, "Forgets a task that is gone."};

// Null without an error if there is no such attribute.
PyRef attribute(PyObject* object, const char* name) {
  PyRef value = PyRef::steal(PyObject_GetAttrString(object, name));
  if (!value && PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
  return value;
}

PyRef find_tasks() {
  PyRef module = PyRef::steal(PyImport_ImportModule("asyncio.tasks"));
  if (!module) return {};
  PyRef tasks = attribute(module.get(), "_scheduled_tasks");  // 3.12, 3.13
  return tasks || PyErr_Occurred() != nullptr ? std::move(tasks)
                                              : attribute(module.get(), "_all_tasks");
}

bool is_as_we_know_it(const Registry& found) {
  return found.data && PySet_CheckExact(found.data.get()) && found.iterating &&
         PySet_CheckExact(found.iterating.get()) && found.pending_removals &&
         PyList_CheckExact(found.pending_removals.get());
}

}  // namespace

bool speed_up_task_registry() {
  if constexpr (PY_VERSION_HEX >= 0x030E0000) return true;
  Registry found;
  found.tasks = find_tasks();
  if (!found.tasks) return PyErr_Occurred() == nullptr;
  found.data = attribute(found.tasks.get(), "data");
  found.iterating = attribute(found.tasks.get(), "_iterating");
  found.pending_removals = attribute(found.tasks.get(), "_pending_removals");
  if (PyErr_Occurred() != nullptr) return false;
  if (!is_as_we_know_it(found)) return true;
  found.remove = PyRef::steal(PyCFunction_New(&remove_method, nullptr));
  PyRef replacement = PyRef::steal(PyCFunction_New(&add_method, nullptr));
  if (!found.remove || !replacement) return false;
  registry = std::move(found);
  return PyObject_SetAttrString(registry.tasks.get(), "add", replacement.get()) == 0;
}

}  // namespace tricorn
