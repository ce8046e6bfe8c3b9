// Text that leaves Python for logs and messages. Lone surrogates, which UTF-8 cannot say, become
// "\\udcff". GIL held.
#pragma once

#include <string>

#include "worker/python/py_ref.h"

namespace tricorn {

// `text` is a str. Never fails, short of memory: "" then.
std::string utf8_of(PyObject* text);

// For PyArg_ParseTuple's "O&": a str into the std::string at `out`.
int utf8_argument(PyObject* text, void* out);

}  // namespace tricorn
