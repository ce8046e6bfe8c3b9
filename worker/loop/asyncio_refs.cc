// AsyncioRefs: see the header.
#include "worker/loop/asyncio_refs.h"

namespace tricorn {
namespace {

PyRef import_from(const char* module_name, const char* name) {
  PyRef module = PyRef::steal(PyImport_ImportModule(module_name));
  return module ? PyRef::steal(PyObject_GetAttrString(module.get(), name)) : PyRef();
}

}  // namespace

AsyncioRefs& asyncio_refs = *new AsyncioRefs;  // outlives the interpreter's end on purpose

bool load_asyncio_refs() {
  struct Wanted {
    PyRef AsyncioRefs::* field;
    const char* module_name;
    const char* name;
  };
  static constexpr Wanted kWanted[] = {
      {&AsyncioRefs::task, "_asyncio", "Task"},
      {&AsyncioRefs::future, "_asyncio", "Future"},
      {&AsyncioRefs::current_task, "asyncio", "current_task"},
      {&AsyncioRefs::enter_task, "asyncio.tasks", "_enter_task"},
      {&AsyncioRefs::leave_task, "asyncio.tasks", "_leave_task"},
      {&AsyncioRefs::base_event_loop, "asyncio.base_events", "BaseEventLoop"},
      {&AsyncioRefs::format_callback_source, "asyncio.format_helpers", "_format_callback_source"},
      {&AsyncioRefs::extract_stack, "asyncio.format_helpers", "extract_stack"},
      {&AsyncioRefs::base_events, "asyncio", "base_events"},
      {&AsyncioRefs::tasks, "asyncio.tasks", "__dict__"},
  };
  for (const Wanted& wanted : kWanted) {
    asyncio_refs.*wanted.field = import_from(wanted.module_name, wanted.name);
    if (!(asyncio_refs.*wanted.field)) return false;
  }
  return true;
}

PyRef describe_call(PyObject* callback, PyObject* arguments, bool debug) {
  PyObject* format = asyncio_refs.format_callback_source.get();
#if PY_VERSION_HEX >= 0x030D0000
  PyRef positional = PyRef::steal(PyTuple_Pack(2, callback, arguments));
  PyRef keywords = PyRef::steal(Py_BuildValue("{s:O}", "debug", debug ? Py_True : Py_False));
  if (!positional || !keywords) return {};
  return PyRef::steal(PyObject_Call(format, positional.get(), keywords.get()));
#else
  static_cast<void>(debug);
  return PyRef::steal(PyObject_CallFunctionObjArgs(format, callback, arguments, nullptr));
#endif
}

}  // namespace tricorn
