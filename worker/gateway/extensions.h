// Extensions: the value of scope["extensions"]: names of optional messages, each with an empty
// dict.
//
// Both levels are dicts that an app may change, and no request may see what another one did (P17).
// Making five dicts for every request would cost more than the rest of the scope, so the last one
// serves again if it is nobody else's by now and looks as it was made. GIL held.
#pragma once

#include <vector>

#include "worker/python/py_ref.h"

namespace tricorn {

class Extensions {
 public:
  // An interned name, before the first take(). False with an error set.
  bool add(PyObject* name);
  // A dict for one scope, borrowed, until the next take(); null with an error set. `scope_value`:
  // what that scope holds by now, and is about to lose.
  PyObject* take(PyObject* scope_value) { return is_pristine(scope_value) ? dict_.get() : make(); }
  // The last dict given is the scope's alone from now on.
  void give_away();

 private:
  struct Entry {
    PyRef name;
    PyRef value;  // the empty dict that was put in under it
  };
  bool is_pristine(PyObject* scope_value) const;
  PyObject* make();

  std::vector<Entry> entries_;
  PyRef dict_;
};

}  // namespace tricorn
