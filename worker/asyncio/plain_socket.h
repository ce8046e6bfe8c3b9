// Plain sockets: what is read of an object that is exactly a socket.socket, past its Python
// properties. GIL held.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

// Once, at module initialisation. False with an error set.
bool load_plain_socket();

// Whether it is one, and of no subclass, which may have methods of its own.
bool is_plain_socket(PyObject* object);

// All of these want a plain socket and leave no error set.
int descriptor_of_socket(PyObject* socket);  // -1: it is closed
int family_of_socket(PyObject* socket);
int type_of_socket(PyObject* socket);  // SOCK_STREAM, without flags
int protocol_of_socket(PyObject* socket);
bool is_non_blocking(PyObject* socket);  // its timeout is 0

// Between these two, close() of the socket is only noted: its number cannot become another file's.
// The last end_use() then closes it, which runs Python code. An error that is set stays set.
// False: it cannot be done, and end_use() is not due.
bool begin_use(PyObject* socket);
void end_use(PyObject* socket);

// A socket.socket around `fd`, which it owns from then on, with a timeout of 0: `fd` must be
// non-blocking. Null with an error set, and `fd` closed.
PyRef make_plain_socket(int family, int type, int protocol, int fd);

}  // namespace tricorn
