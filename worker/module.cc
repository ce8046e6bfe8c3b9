// The extension module `tricorn._tricorn`: one for each Python version, loaded by the user's own
// interpreter.
#include "common/logging.h"
#include "worker/asyncio/loop_type.h"
#include "worker/gateway/gateway.h"
#include "worker/loop/loop_types.h"
#include "worker/python/interned.h"
#include "worker/python/py_ref.h"
#include "worker/python/utf8.h"
#include "worker/worker_object.h"
#include "worker/zygote_object.h"

namespace tricorn {
namespace {

// log(level, text): a line in the server's own log; `level` as LogLevel counts, 0 (trace) to 5
// (critical).
PyObject* log(PyObject*, PyObject* args) {
  int level = 0;
  std::string text;
  if (PyArg_ParseTuple(args, "iO&", &level, utf8_argument, &text) == 0) return nullptr;
  log_line(static_cast<LogLevel>(level), text);
  Py_RETURN_NONE;
}

int execute(PyObject* module) {
  bool made = make_interned() && add_loop_types(module) && add_asyncio_types(module) &&
              add_gateway_types(module) && add_worker_type(module) && add_zygote_type(module) &&
              PyModule_AddStringConstant(module, "__version__", TRICORN_VERSION) == 0;
  return made ? 0 : -1;
}

PyMethodDef functions[] = {
    {"log", log, METH_VARARGS, "log(level, text): writes a line to the server's log."}, {}};

PyModuleDef_Slot slots[] = {
    {Py_mod_exec, reinterpret_cast<void*>(execute)},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, nullptr}};

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "tricorn._tricorn",
                          "tricorn's worker: the event loop, the gateway and the server.",
                          0,
                          functions,
                          slots,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace
}  // namespace tricorn

PyMODINIT_FUNC PyInit__tricorn() { return PyModuleDef_Init(&tricorn::definition); }
