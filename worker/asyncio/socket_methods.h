// The loop's sock_* methods. AbstractEventLoop, "Working with socket objects directly".
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

extern PyMethodDef socket_methods[];  // ends with an empty entry

// False with an error set.
bool load_socket_methods();

}  // namespace tricorn
