// MessageFields: the values of a response message under the keys that most of them have.
//
// Taken in one pass over the dict, comparing keys by identity: apps write them as literals, which
// the interpreter interns. Only a dict with a key that is none of those is asked by hash. GIL held.
#pragma once

#include <array>
#include <cstdint>

#include "worker/python/py_ref.h"

namespace tricorn {

class MessageFields {
 public:
  enum Key : uint8_t { kType, kStatus, kHeaders, kBody, kMoreBody, kTrailers, kKeys };

  // False with TypeError or KeyError set if `message` is no dict, or has no str under "type".
  bool take(PyObject* message);
  // Borrowed from here, whatever becomes of the message; null if it has none.
  PyObject* operator[](Key key) const { return values_[key].get(); }
  PyObject* type() const { return values_[kType].get(); }

 private:
  bool take_items(PyObject* message);
  bool look_up_missing(PyObject* message);

  std::array<PyRef, kKeys> values_;
};

// A message's "type", borrowed from it; null with TypeError or KeyError set, as by take().
PyObject* message_type(PyObject* message);

// Whether `text` (a str) says what `literal` (interned, ASCII) says.
bool says(PyObject* text, PyObject* literal);

}  // namespace tricorn
