// `_tricorn.Zygote`: the zygote's end of the control protocol, for python/tricorn/_zygote.py.
#pragma once

#include "worker/python/py_ref.h"

namespace tricorn {

bool add_zygote_type(PyObject* module);

}  // namespace tricorn
