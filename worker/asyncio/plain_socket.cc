// Plain sockets: see the header.
#include "worker/asyncio/plain_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include "worker/asyncio/asyncio_names.h"
#include "worker/python/no_args_method.h"

namespace tricorn {
namespace {

struct SocketReaders {
  NoArgsMethod fileno;
  NoArgsMethod gettimeout;
  // Descriptors of _socket.socket; socket.socket hides them behind properties that make enums.
  PyRef family;
  PyRef type;
  PyRef proto;
};
SocketReaders& readers = *new SocketReaders;  // outlives the interpreter's end on purpose

int as_int(PyRef number, int otherwise) {
  const long value = number ? PyLong_AsLong(number.get()) : -1;
  if (PyErr_Occurred() == nullptr) return static_cast<int>(value);
  PyErr_Clear();
  return otherwise;
}

int read_field(const PyRef& descriptor, PyObject* socket) {
  const descrgetfunc get = Py_TYPE(descriptor.get())->tp_descr_get;
  return as_int(PyRef::steal(get(descriptor.get(), socket, asyncio_names.socket_class.get())), -1);
}

bool load_field(PyObject* type, const char* name, PyRef& out) {
  out = PyRef::steal(PyObject_GetAttrString(type, name));
  if (!out) return false;
  if (Py_TYPE(out.get())->tp_descr_get != nullptr) return true;
  PyErr_Format(PyExc_TypeError, "_socket.socket.%s is no descriptor", name);
  return false;
}

}  // namespace

bool load_plain_socket() {
  PyRef module = PyRef::steal(PyImport_ImportModule("_socket"));
  PyRef base = PyRef::steal(module ? PyObject_GetAttrString(module.get(), "socket") : nullptr);
  return base && readers.fileno.load(base.get(), "fileno") &&
         readers.gettimeout.load(base.get(), "gettimeout") &&
         load_field(base.get(), "family", readers.family) &&
         load_field(base.get(), "type", readers.type) &&
         load_field(base.get(), "proto", readers.proto);
}

bool is_plain_socket(PyObject* object) {
  return reinterpret_cast<PyObject*>(Py_TYPE(object)) == asyncio_names.socket_class.get();
}

int descriptor_of_socket(PyObject* socket) { return as_int(readers.fileno(socket), -1); }
int family_of_socket(PyObject* socket) { return read_field(readers.family, socket); }
int type_of_socket(PyObject* socket) { return read_field(readers.type, socket); }
int protocol_of_socket(PyObject* socket) { return read_field(readers.proto, socket); }

bool is_non_blocking(PyObject* socket) {
  PyRef timeout = readers.gettimeout(socket);
  const bool none = timeout.get() == Py_None || !timeout;
  const double seconds = none ? -1 : PyFloat_AsDouble(timeout.get());
  PyErr_Clear();
  return seconds == 0;
}

PyRef make_plain_socket(int family, int type, int protocol, int fd) {
  PyRef socket = PyRef::steal(PyObject_CallFunction(asyncio_names.socket_class.get(), "iiii",
                                                    family, type | SOCK_NONBLOCK, protocol, fd));
  if (!socket) ::close(fd);
  return socket;
}

}  // namespace tricorn
