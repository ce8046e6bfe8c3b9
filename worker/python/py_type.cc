// make_type: see the header.
#include "worker/python/py_type.h"

namespace tricorn {

PyTypeObject* make_type(PyObject* module, PyType_Spec* spec, PyObject* base) {
  PyRef type = PyRef::steal(PyType_FromModuleAndSpec(module, spec, base));
  if (!type) return nullptr;
  auto* made = reinterpret_cast<PyTypeObject*>(type.get());
  if (module != nullptr && PyModule_AddType(module, made) < 0) return nullptr;
  type.release();
  return made;
}

}  // namespace tricorn
