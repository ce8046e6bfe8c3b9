// The interned names: see the header.
#include "worker/python/interned.h"

namespace tricorn {

Interned interned;

bool make_interned() {
#define TRICORN_INTERN(identifier, text)                  \
  interned.identifier = PyUnicode_InternFromString(text); \
  if (interned.identifier == nullptr) return false;
  TRICORN_INTERNED(TRICORN_INTERN)
#undef TRICORN_INTERN
  return true;
}

}  // namespace tricorn
