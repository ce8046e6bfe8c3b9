// Plain sockets: see the header.
#include "worker/asyncio/plain_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "worker/asyncio/asyncio_names.h"
#include "worker/python/no_args_method.h"
#include "worker/python/py_error.h"
#include "worker/python/py_type.h"

namespace tricorn {
namespace {

struct SocketReaders {
  NoArgsMethod fileno;
  NoArgsMethod gettimeout;
  // Descriptors of _socket.socket; socket.socket hides them behind properties that make enums.
  PyRef family;
  PyRef type;
  PyRef proto;
  // Where the __slots__ of socket.socket are in an object; 0: not known.
  Py_ssize_t users = 0;
  Py_ssize_t closed = 0;
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

Py_ssize_t offset_of_slot(PyObject* type, const char* name) {
  PyRef descriptor = PyRef::steal(PyObject_GetAttrString(type, name));
  if (!descriptor) PyErr_Clear();
  if (!descriptor || !Py_IS_TYPE(descriptor.get(), &PyMemberDescr_Type)) return 0;
  return reinterpret_cast<PyMemberDescrObject*>(descriptor.get())->d_member->offset;
}

PyObject*& slot_at(PyObject* object, Py_ssize_t offset) {
  return *reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + offset);
}

// How many there are then; below 0 without an error set if it cannot be done.
long count_users(PyObject* socket, long change) {
  PyObject*& slot = slot_at(socket, readers.users);
  if (slot == nullptr || PyLong_CheckExact(slot) == 0) return -1;
  const long count = PyLong_AsLong(slot) + change;
  if (count < 0) return -1;
  PyRef number = PyRef::steal(PyLong_FromLong(count));
  if (!number) {
    PyErr_Clear();
    return -1;
  }
  PyRef::steal(std::exchange(slot, number.release()));
  return count;
}

void close(PyObject* socket) {
  PyRef closed = PyRef::steal(PyObject_CallMethod(socket, "close", nullptr));
  if (!closed) PyError::take().unraisable(socket);
}

}  // namespace

bool load_plain_socket() {
  readers.users = offset_of_slot(asyncio_names.socket_class.get(), "_io_refs");
  readers.closed = offset_of_slot(asyncio_names.socket_class.get(), "_closed");
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

bool begin_use(PyObject* socket) {
  if (readers.users == 0 || readers.closed == 0) return false;
  return count_users(socket, 1) > 0;
}

void end_use(PyObject* socket) {
  if (count_users(socket, -1) != 0 || slot_at(socket, readers.closed) != Py_True) return;
  if (PyErr_Occurred() == nullptr) return close(socket);
  PyError error = PyError::take();
  close(socket);
  std::move(error).restore();
}

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
