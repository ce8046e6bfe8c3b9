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

extern PyMethodDef loop_methods[];
extern PyGetSetDef loop_attributes[];

}  // namespace tricorn
