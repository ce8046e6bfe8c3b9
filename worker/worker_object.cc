// `_tricorn.Worker`: see the header.
#include "worker/worker_object.h"

#include "worker/python/py_type.h"
#include "worker/python/utf8.h"
#include "worker/settings_dict.h"

namespace tricorn {
namespace {

struct WorkerObject {
  PyObject_HEAD;
  std::unique_ptr<Worker> worker;
};

PyTypeObject* worker_type = nullptr;

Worker& worker_of(PyObject* self) { return *reinterpret_cast<WorkerObject*>(self)->worker; }

PyObject* settings(PyObject* self, void*) {
  return settings_dict(worker_of(self).setup().settings).release();
}

PyObject* slot_id(PyObject* self, void*) {
  return PyLong_FromUnsignedLong(worker_of(self).setup().slot);
}

PyObject* generation(PyObject* self, void*) {
  return PyLong_FromUnsignedLong(worker_of(self).setup().generation);
}

PyObject* master_pid(PyObject* self, void*) {
  return PyLong_FromLong(worker_of(self).setup().master);
}

PyObject* attach(PyObject* self, PyObject* args) {
  PyObject *loop, *on_stopped;
  if (PyArg_ParseTuple(args, "OO", &loop, &on_stopped) == 0) return nullptr;
  if (!worker_of(self).attach(loop, on_stopped)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* start(PyObject* self, PyObject* args) {
  PyObject *app, *state;
  int websocket = 0;
  if (PyArg_ParseTuple(args, "OOp", &app, &state, &websocket) == 0) return nullptr;
  if (!worker_of(self).start(app, state, websocket != 0)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* boot_failed(PyObject* self, PyObject* args) {
  int kind = 0;
  std::string text;
  if (PyArg_ParseTuple(args, "iO&", &kind, utf8_argument, &text) == 0) return nullptr;
  worker_of(self).boot_failed(static_cast<BootFailureKind>(kind), text);
  Py_RETURN_NONE;
}

PyObject* terminate(PyObject* self, PyObject*) {
  worker_of(self).terminate();
  Py_RETURN_NONE;
}

PyObject* close(PyObject* self, PyObject*) {
  worker_of(self).close();
  Py_RETURN_NONE;
}

void dealloc(PyObject* self) {
  std::destroy_at(&reinterpret_cast<WorkerObject*>(self)->worker);
  free_object(self);
}

}  // namespace

PyObject* make_worker(WorkerSetup setup) {
  auto* object = PyObject_New(WorkerObject, worker_type);
  if (object == nullptr) return nullptr;
  new (&object->worker) std::unique_ptr<Worker>(std::make_unique<Worker>(std::move(setup)));
  return reinterpret_cast<PyObject*>(object);
}

bool add_worker_type(PyObject* module) {
  static PyMethodDef methods[] = {
      {"attach", attach, METH_VARARGS, "attach(loop, on_stopped): hears the master from now on."},
      {"start", start, METH_VARARGS,
       "start(app, state, websocket): tells the master that the worker is ready, and serves; "
       "websocket: the app can do more than requests."},
      {"boot_failed", boot_failed, METH_VARARGS, "Tells the master why the app did not start."},
      {"terminate", terminate, METH_NOARGS, "Stops gracefully, as SIGTERM asks."},
      {"close", close, METH_NOARGS, "Closes what is left of connections and handles."},
      {}};
  static PyGetSetDef properties[] = {
      {"settings", settings, nullptr, "What the master was told, as a dict.", nullptr},
      {"slot", slot_id, nullptr, "0..N-1; a replaced worker has its predecessor's.", nullptr},
      {"generation", generation, nullptr, "1 at the start, one more at each reload.", nullptr},
      {"master_pid", master_pid, nullptr, "The master's process id.", nullptr},
      {}};
  static PyType_Slot slots[] = {{Py_tp_dealloc, slot(dealloc)},
                                {Py_tp_methods, methods},
                                {Py_tp_getset, properties},
                                {0, nullptr}};
  static PyType_Spec spec = {"tricorn._tricorn.Worker", sizeof(WorkerObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  worker_type = make_type(module, &spec);
  return worker_type != nullptr;
}

}  // namespace tricorn
