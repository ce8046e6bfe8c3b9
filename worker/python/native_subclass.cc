// make_subclass: see the header.
#include "worker/python/native_subclass.h"

#include <vector>

namespace tricorn {
namespace {

constexpr Py_ssize_t kSlot = sizeof(PyObject*);

PyObject*& slot_at(PyObject* self, Py_ssize_t offset) {
  return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(self) + offset);
}

}  // namespace

PyTypeObject* make_subclass(PyObject* module, const SubclassSpec& spec, PyObject* base,
                            const SubclassFunctions& functions, SubclassLayout& layout) {
  layout.base_size = reinterpret_cast<PyTypeObject*>(base)->tp_basicsize;
  layout.native = layout.base_size;
  layout.dict = layout.native + kSlot;
  layout.weak_references = layout.dict + kSlot;
  PyMemberDef members[] = {
      {"__dictoffset__", Py_T_PYSSIZET, layout.dict, Py_READONLY, nullptr},
      {"__weaklistoffset__", Py_T_PYSSIZET, layout.weak_references, Py_READONLY, nullptr},
      {}};
  std::vector<PyType_Slot> slots = {{Py_tp_dealloc, slot(functions.dealloc)},
                                    {Py_tp_traverse, slot(functions.traverse)},
                                    {Py_tp_clear, slot(functions.clear)},
                                    {Py_tp_finalize, slot(functions.finalize)},
                                    {Py_tp_methods, spec.methods},
                                    {Py_tp_members, members},
                                    {Py_tp_doc, const_cast<char*>(spec.doc)}};
  if (spec.attributes != nullptr) slots.push_back({Py_tp_getset, spec.attributes});
  if (spec.repr != nullptr) slots.push_back({Py_tp_repr, slot(spec.repr)});
  slots.push_back({0, nullptr});
  PyType_Spec type_spec = {
      spec.name, static_cast<int>(layout.weak_references + kSlot), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots.data()};
  return make_type(module, &type_spec, base);
}

int visit_base_part(PyObject* self, const SubclassLayout& layout, visitproc visit, void* arg) {
  for (Py_ssize_t offset = sizeof(PyObject); offset < layout.base_size; offset += kSlot) {
    Py_VISIT(slot_at(self, offset));
  }
  Py_VISIT(slot_at(self, layout.dict));
  return 0;
}

void clear_base_part(PyObject* self, const SubclassLayout& layout) {
  for (Py_ssize_t offset = sizeof(PyObject); offset < layout.base_size; offset += kSlot) {
    PyRef::steal(std::exchange(slot_at(self, offset), nullptr));
  }
  PyRef::steal(std::exchange(slot_at(self, layout.dict), nullptr));
}

}  // namespace tricorn
