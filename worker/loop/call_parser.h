// parse_call: the arguments of call_soon(callback, *args, context=None) and its kin, as
// METH_FASTCALL | METH_KEYWORDS passes them.
#pragma once

#include "worker/loop/call.h"

namespace tricorn {

struct CallSignature {
  const char* method;
  const char* first;  // "delay" or "when" before the callback; null: none
};

// `first` is borrowed as the Call is. False with TypeError set.
bool parse_call(const CallSignature& signature, PyObject* const* arguments, Py_ssize_t count,
                PyObject* keywords, PyObject** first, Call& call);

}  // namespace tricorn
