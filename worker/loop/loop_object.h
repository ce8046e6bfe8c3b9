// LoopObject: the Python object around an EventLoop, and the tables of its methods and attributes.
#pragma once

#include "worker/loop/event_loop.h"
#include "worker/python/py_ref.h"

namespace tricorn {

struct LoopObject {
  PyObject_HEAD EventLoop* loop;  // owned; null only while the object is made
};

inline EventLoop& event_loop_of(PyObject* self) {
  return *reinterpret_cast<LoopObject*>(self)->loop;
}

// The type that tricorn.Loop derives from is made of this one. Borrowed.
extern PyTypeObject* base_loop_type;
// Null with TypeError set if `loop` is none of ours. Borrowed: lives as long as the object.
EventLoop* event_loop_from(PyObject* loop);
// False with RuntimeError set if the loop is closed.
bool check_open(const EventLoop& loop);

extern PyMethodDef loop_methods[];
extern PyMethodDef reader_methods[];  // of the type that derives from it
extern PyGetSetDef loop_attributes[];

}  // namespace tricorn
